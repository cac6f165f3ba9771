import type { ReceivedRequest } from './received-request.js'
import type { IssuedCredentials, Refusal } from './verdict.js'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** An AWS service: the names of its operations, its responses and its errors. */
export interface Service {
  operationOf(request: ReceivedRequest): string
  answer(operation: string, request: ReceivedRequest, caller: IssuedCredentials): Answer
  refuse(refusal: Refusal): Answer
}

/** The error that a service returns. */
export interface ErrorReport {
  readonly status: number
  readonly code: string
  readonly message: string
}

export type ErrorReports = Readonly<Record<Refusal, ErrorReport>>

export const SKEWED: string = 'Signature expired: the date of the request is too far from the time here.'

export const MISMATCHED: string =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.'

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
