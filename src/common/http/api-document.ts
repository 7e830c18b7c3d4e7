import type { OpenAPIObject } from '@nestjs/swagger';
import {
  InternalError,
  InvalidApiKey,
  InvalidRequest,
  Overloaded,
  PayloadTooLarge,
  RateLimitExceeded,
  TokenExpired,
  UnsupportedMediaType,
} from '../app-error.js';
import { setOwnField } from '../json/fields.js';
import { ANTHROPIC_OVERLOADED, anthropicErrorSchema } from './anthropic-error.js';
import { errorResponse, RATE_LIMIT_HEADERS, type ErrorClass } from './api-errors.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];
type Response = ReturnType<typeof errorResponse>;

/** Extension of an operation whose errors have another form than OpenAI's: `anthropic`, or `either` as the caller speaks. */
export const ERROR_FORM = 'x-error-form';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
/** What can go wrong before any handler is asked: the path is no URL, the replica has too much to do. */
const OF_EVERY_ROUTE: readonly ErrorClass[] = [InvalidRequest, InternalError, Overloaded];
/** A credential that is none, or has ended; too many failed sign-ins from one address. */
const OF_CLOSED_ROUTES: readonly ErrorClass[] = [InvalidApiKey, TokenExpired, RateLimitExceeded];
/** A key or token comes in any one of these headers. */
const ANY_HEADER: NonNullable<Operation['security']> = [{ bearer: [] }, { 'x-api-key': [] }, { 'api-key': [] }];
/** A body is looked at whether one belongs there or not. */
const OF_BODIES: readonly ErrorClass[] = [PayloadTooLarge, UnsupportedMediaType];

const REQUEST_ID = { description: 'Id of this request.', required: true, schema: { type: 'string' as const } };

/** Adds what is the same for all routes, and what the generator writes in no form that OpenAPI 3.0 knows. */
export function completeDocument(document: OpenAPIObject): OpenAPIObject {
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) if (path[method]) complete(path[method], method !== 'get');
  }
  typeNulls(document);
  return document;
}

function complete(operation: Operation, takesBodies: boolean): void {
  operation.security = operation.security ? ANY_HEADER : [];
  const { responses } = operation;
  const isClosed = operation.security.length > 0;
  const isCounted = '429' in responses;
  const errors = [...OF_EVERY_ROUTE, ...(isClosed ? OF_CLOSED_ROUTES : []), ...(takesBodies ? OF_BODIES : [])];
  for (const error of errors) addError(responses, error);
  const headers = isCounted ? RATE_LIMIT_HEADERS : {};
  for (const response of Object.values(responses) as Response[]) {
    response.headers = { ...headers, ...response.headers, 'x-request-id': REQUEST_ID };
  }
  useFormOf(operation);
}

/** The errors as the door has them; who cannot answer now says so in Anthropic's form with a status of its own. */
function useFormOf(operation: Operation): void {
  const { [ERROR_FORM]: form } = operation as { [ERROR_FORM]?: string };
  if (form === undefined) return;
  const { responses } = operation;
  for (const response of Object.values(responses) as Response[]) {
    const media = response.content['application/json'] as { schema: object } | undefined;
    const codes = media && codesIn(media.schema);
    if (!codes) continue;
    const own = anthropicErrorSchema(codes);
    media.schema = form === 'either' ? { anyOf: [media.schema, own] } : own;
  }
  const { 503: overloaded } = responses;
  if (form !== 'either') delete responses['503'];
  if (overloaded) setOwnField(responses, ANTHROPIC_OVERLOADED, overloaded);
}

/** Into the response of its status: OpenAPI has one for each. */
function addError(responses: Responses, error: ErrorClass): void {
  const { status, ...added } = errorResponse([error]);
  const present = responses[status] as Response | undefined;
  const schema = added.content['application/json'].schema;
  if (!present) {
    responses[status] = added;
    return;
  }
  const media = present.content['application/json'] as { schema: object };
  const codes = codesIn(media.schema);
  const [code] = codesIn(schema) as [string];
  if (codes?.includes(code)) return;
  if (codes) codes.push(code);
  else media.schema = { anyOf: [media.schema, schema] };
  present.headers = { ...added.headers, ...present.headers };
}

/** Those of an error body; `undefined` of any other schema. */
const codesIn = (schema: object): string[] | undefined =>
  (schema as { properties?: { error?: { properties: { code: { enum: string[] } } } } }).properties?.error?.properties
    .code.enum;

interface NullableNode {
  nullable?: boolean;
  type?: string;
  enum?: readonly unknown[];
  anyOf?: { nullable?: boolean }[];
}

/** `nullable` belongs to a `type`; of a choice it goes to those chosen from, and of values null is one (OpenAPI 3.0.3). */
function typeNulls(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const one = node as NullableNode;
  if (one.nullable && one.type === undefined && one.anyOf) {
    delete one.nullable;
    for (const choice of one.anyOf) choice.nullable = true;
  }
  if (one.nullable && one.enum && !one.enum.includes(null)) one.enum = [...one.enum, null];
  for (const child of Object.values(node)) typeNulls(child);
}
