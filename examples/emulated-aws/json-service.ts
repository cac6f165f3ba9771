import { isDeepStrictEqual } from 'node:util'
import {
  type Answer,
  type ErrorReport,
  type ErrorReports,
  MISMATCHED,
  type Service,
  SKEWED,
} from './service.js'

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const REPORTS: ErrorReports = {
  unsigned: {
    status: 400,
    code: 'MissingAuthenticationTokenException',
    message: 'Request is missing Authentication Token',
  },
  'unknown-key': {
    status: 400,
    code: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  },
  'wrong-token': {
    status: 400,
    code: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  },
  expired: {
    status: 400,
    code: 'ExpiredTokenException',
    message: 'The security token included in the request is expired',
  },
  'url-expired': { status: 400, code: 'InvalidSignatureException', message: SKEWED },
  'clock-skewed': { status: 400, code: 'InvalidSignatureException', message: SKEWED },
  'wrong-signature': { status: 400, code: 'InvalidSignatureException', message: MISMATCHED },
}

const UNKNOWN_OPERATION: ErrorReport = {
  status: 400,
  code: 'UnknownOperationException',
  message: 'Not played here.',
}

type Fields = Readonly<Record<string, unknown>>

/** `PutItem` and `GetItem`, in memory. */
export function createDynamoDb(): Service {
  const items: { readonly table: unknown; readonly attributes: Fields }[] = []
  return jsonService('application/x-amz-json-1.0', {
    PutItem: ({ TableName, Item }) => {
      items.push({ table: TableName, attributes: fieldsOf(Item) })
      return {}
    },
    GetItem: ({ TableName, Key }) => {
      const found = items.findLast((item) => item.table === TableName && has(item.attributes, fieldsOf(Key)))
      return found === undefined ? {} : { Item: found.attributes }
    },
  })
}

/** `PutParameter`, `GetParameter` and `GetParametersByPath`, in memory. The value of an unknown parameter is its name. */
export function createSsm(): Service {
  const parameters = new Map<string, Fields>()
  return jsonService('application/x-amz-json-1.1', {
    PutParameter: ({ Name, Type, Value }) => {
      parameters.set(String(Name), { Name, Type, Value, Version: 1 })
      return { Tier: 'Standard', Version: 1 }
    },
    GetParameter: ({ Name }) => ({
      Parameter: parameters.get(String(Name)) ?? { Name, Type: 'String', Value: Name, Version: 1 },
    }),
    GetParametersByPath: ({ Path, NextToken }) => {
      const below = [...parameters].filter(([name]) => name.startsWith(`${String(Path)}/`))
      const start = Number(NextToken ?? 0)
      const end = start + PARAMETERS_IN_A_PAGE
      return {
        Parameters: below.slice(start, end).map(([, parameter]) => parameter),
        ...(end < below.length && { NextToken: String(end) }),
      }
    },
  })
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html */
const PARAMETERS_IN_A_PAGE = 10

function jsonService(
  contentType: string,
  operations: Readonly<Record<string, (input: Fields) => Fields>>,
): Service {
  const headers = { 'content-type': contentType }
  const report = ({ status, code, message }: ErrorReport): Answer => ({
    status,
    headers,
    body: JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message }),
  })
  return {
    operationOf: (request) => request.headers['x-amz-target']?.split('.')[1] ?? 'Unknown',
    answer: (operation, { body }) => {
      const perform = operations[operation]
      if (perform === undefined) return report(UNKNOWN_OPERATION)
      return { status: 200, headers, body: JSON.stringify(perform(fieldsOf(JSON.parse(body.toString())))) }
    },
    refuse: (refusal) => report(REPORTS[refusal]),
  }
}

function has(attributes: Fields, key: Fields): boolean {
  return Object.entries(key).every(([name, value]) => isDeepStrictEqual(attributes[name], value))
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
