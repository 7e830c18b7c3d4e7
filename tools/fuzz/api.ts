import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { anthropicErrorSchema } from '../../src/common/http/anthropic-error.js';

export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema?: Schema;
}

interface Header {
  readonly required?: boolean;
}

export interface DocumentedResponse {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, Header>;
  /** By media type; of a stream the check of one event. */
  readonly bodies: ReadonlyMap<string, ValidateFunction>;
}

export interface Operation {
  /** Such as `POST /query`. */
  readonly name: string;
  readonly method: string;
  /** With `{id}` for a name. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Of a JSON body; `null` = none is taken. */
  readonly body: Schema | null;
  /** Bodies that the document shows. */
  readonly examples: readonly unknown[];
  readonly responses: ReadonlyMap<number, DocumentedResponse>;
}

export interface Api {
  readonly operations: readonly Operation[];
  /** An error body of any route; its `code` is one that the document names. */
  readonly isError: ValidateFunction;
}

interface MediaType {
  readonly schema: Schema;
  readonly examples?: Record<string, { readonly value: unknown }>;
}
interface RawOperation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, MediaType> };
  readonly responses: Record<
    string,
    { readonly headers?: Record<string, Header>; readonly content?: Record<string, MediaType> }
  >;
}
export interface ApiDocument {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, RawOperation>>;
}

const METHODS = new Set(['get', 'post', 'put', 'patch', 'delete']);
/** Of OpenAPI's schemas, beside those of JSON Schema. */
const NOTES = ['example', 'x-event'];

/** A validator of OpenAPI 3.0 schemas: those of JSON Schema, `nullable`, and notes that mean nothing for validity. */
export function schemaValidator(): Ajv {
  const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: false });
  addFormats.default(ajv);
  ajv.addVocabulary(NOTES);
  return ajv;
}

/** Reads the OpenAPI document of a service. @throws Error where it has a schema that is none */
export function readApi(document: ApiDocument): Api {
  const ajv = schemaValidator();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => METHODS.has(method))
      .map(([method, raw]) => operationOf(ajv, path, method.toUpperCase(), raw)),
  );
  return { operations, isError: ajv.compile(anyError(document)) };
}

function operationOf(ajv: Ajv, path: string, method: string, raw: RawOperation): Operation {
  const responses = Object.entries(raw.responses).map(([status, { headers = {}, content = {} }]) => {
    const bodies = Object.entries(content).map(([type, { schema }]) => [type, ajv.compile(eventOf(schema))] as const);
    const names = Object.entries(headers).map(([name, header]) => [name.toLowerCase(), header] as const);
    return [Number(status), { headers: new Map(names), bodies: new Map(bodies) }] as const;
  });
  const sent = raw.requestBody?.content['application/json'];
  return {
    name: `${method} ${path}`,
    method,
    path,
    parameters: raw.parameters ?? [],
    body: sent?.schema ?? null,
    examples: Object.values(sent?.examples ?? {}).map(({ value }) => value),
    responses: new Map(responses),
  };
}

const eventOf = (schema: Schema): Schema => (schema['x-event'] as Schema | undefined) ?? schema;

/** The forms of every error, with all codes that are named anywhere. */
function anyError(document: ApiDocument): Schema {
  const codes = new Set(['not_found']); // of paths that no operation has
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { code } = ((node as Schema)['properties'] ?? {}) as { code?: { enum?: string[] } };
    for (const one of code?.enum ?? []) codes.add(one);
    for (const child of Object.values(node)) collect(child);
  };
  collect(document.paths);
  const text = { type: 'string' };
  const properties = {
    message: { type: 'string', minLength: 1 },
    type: text,
    param: { type: 'string', nullable: true },
    code: { type: 'string', enum: [...codes] },
    innererror: {},
  };
  const required = ['message', 'type', 'param', 'code'];
  const error = { type: 'object', required, properties, additionalProperties: false };
  const openai = { type: 'object', required: ['error'], properties: { error }, additionalProperties: false };
  return { anyOf: [openai, anthropicErrorSchema([...codes])] };
}
