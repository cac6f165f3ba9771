/** A reply of IMDS. */
export interface Reply {
  /** HTTP status. */
  readonly status: number
  /** Header values by name. */
  readonly headers: Readonly<Record<string, string>>
  /** The text of the body. */
  readonly body: string
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** Creates a plain text reply. IMDS sends all of its data as plain text, JSON documents included. */
export function textReply(body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, headers: { 'content-type': 'text/plain', 'accept-ranges': 'none', ...headers }, body }
}

/** Creates the XHTML page that IMDS sends with an error status. */
export function errorPage(status: number): Reply {
  const title = `${status} - ${REASONS[status] ?? 'Error'}`
  const body = `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${title}</title>
 </head>
 <body>
  <h1>${title}</h1>
 </body>
</html>
`
  return { status, headers: { 'content-type': status === 403 ? 'text/xml' : 'text/html' }, body }
}
