import fc, { type Arbitrary } from 'fast-check';
import type { Operation, Parameter } from './api.js';
import { setHeader, type Call } from './call.js';
import { mutate, mutations } from './mutations.js';
import { valuesOf, type KnownNames } from './schema-arbitrary.js';

export interface CallsOptions {
  /** API keys to use for an operation, each as likely as the others; `null` = none. Without any it is left alone. */
  readonly keysFor: (operation: Operation) => readonly (string | null)[];
  readonly known: KnownNames;
  /** Name of the model whose server misbehaves; `null` = none does. */
  readonly oddModel: string | null;
}

/** A body, or several parameters, can be wrong in more ways. */
const MOST_WEIGHT = 4;
const weightOf = ({ body, parameters }: Operation): number =>
  body ? MOST_WEIGHT : Math.min(MOST_WEIGHT, 1 + parameters.length);

/** Requests for every operation, most of them spoiled in some way. */
export function callsOf(operations: readonly Operation[], options: CallsOptions): Arbitrary<Call> {
  return fc.oneof(
    ...operations
      .filter((operation) => options.keysFor(operation).length > 0)
      .map((operation) => ({
        weight: weightOf(operation),
        arbitrary: callsFor(operation, options),
      })),
  );
}

function callsFor(operation: Operation, { keysFor, known, oddModel }: CallsOptions): Arbitrary<Call> {
  const inPath = (place: Parameter['in']) => operation.parameters.filter((parameter) => parameter.in === place);
  const fieldOf = ({ name }: Parameter): string => {
    const own = `${operation.name} ${name}`;
    return Object.hasOwn(known, own) ? own : name;
  };
  const values = (parameter: Parameter) => valuesOf(parameter.schema ?? { type: 'string' }, known, fieldOf(parameter));
  const recordOf = (place: Parameter['in'], requiredKeys: readonly string[] = []) =>
    fc.record(Object.fromEntries(inPath(place).map((parameter) => [parameter.name, values(parameter)])), {
      requiredKeys: [...requiredKeys],
      noNullPrototype: true,
    }) as Arbitrary<Record<string, unknown>>;
  return fc
    .record({
      key: fc.constantFrom(...keysFor(operation)),
      path: recordOf(
        'path',
        inPath('path').map(({ name }) => name),
      ),
      query: recordOf('query'),
      headers: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: recordOf('header') }),
      body: bodiesOf(operation, known),
      mutations,
    })
    .map(({ key, path, query, headers, body, mutations: all }) => {
      const call: Call = {
        operation,
        method: operation.method,
        path: filledIn(operation.path, path) + queryOf(query),
        headers: key === null ? [] : [['authorization', `Bearer ${key}`]],
        body: body === undefined ? null : Buffer.from(JSON.stringify(body)),
        leaves: null,
        isBroken: false,
        mayFail: false,
        mutations: [],
      };
      if (call.body) setHeader(call, 'content-type', 'application/json');
      for (const [name, value] of Object.entries(headers)) setHeader(call, name, headerText(value));
      mutate(call, all);
      call.mayFail = oddModel !== null && (call.body?.includes(oddModel) ?? false);
      return call;
    });
}

/** What the document shows gets as far as a request can; the schema alone allows much that does not fit together. */
function bodiesOf({ body, examples }: Operation, known: KnownNames): Arbitrary<unknown> {
  if (!body) return fc.constant(undefined);
  const made = valuesOf(body, known);
  return examples.length === 0 ? made : fc.oneof({ weight: 2, arbitrary: made }, fc.constantFrom(...examples));
}

const filledIn = (path: string, values: Record<string, unknown>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name]).toWellFormed()) || '-');

function queryOf(query: Record<string, unknown>): string {
  const pairs = Object.entries(query).map(
    ([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`,
  );
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

/** What a well-behaved client can send. */
const headerText = (value: unknown): string =>
  String(value)
    .replace(/[^\x20-\x7e]/g, '?')
    .trim();
