import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineAt, type Finding } from './finding.js';
import { API, WITHOUT_TOKEN } from './policy-rules.js';
import { GLOBAL } from './policy-shape.js';
import { named, sectionOf, type PolicyElement } from './policy-xml.js';

export const APIM = join('infra', 'apim');
export const OPERATIONS = join(APIM, 'operations.json');

/** A route that the gateway publishes. */
export interface GatewayOperation {
  readonly name: string;
  readonly displayName: string;
  readonly method: string;
  readonly urlTemplate: string;
  /** A file of `infra/apim`; '' = the policy of the API alone. */
  readonly policy: string;
  /** Whether its answer may be a stream. */
  readonly streams: boolean;
  readonly templateParameters: readonly { readonly name: string; readonly type: string; readonly required: boolean }[];
}

export const readOperations = (root: string): GatewayOperation[] =>
  JSON.parse(readFileSync(join(root, OPERATIONS), 'utf8')) as GatewayOperation[];

/** Whether an operation with this policy is reached without a token. */
export const isOpen = (policy: PolicyElement | undefined): boolean =>
  policy !== undefined &&
  named(sectionOf(policy, 'inbound'), 'set-variable').some(
    ({ attributes }) => attributes.get('name')?.value === WITHOUT_TOKEN,
  );

/** Whether the operations and their policies fit together. @param policies by file name */
export function operationProblems(root: string, policies: ReadonlyMap<string, PolicyElement>): Finding[] {
  const text = readFileSync(join(root, OPERATIONS), 'utf8');
  const operations = readOperations(root);
  const ofOperations = [...policies.keys()].filter((file) => file !== GLOBAL && file !== API);
  const unused = ofOperations.filter((file) => !operations.some(({ policy }) => policy === file));
  const missing = [GLOBAL, API].filter((file) => !existsSync(join(root, APIM, file)));
  return [
    ...missing.map((file) => ({
      file: join(APIM, file),
      line: 1,
      problem: 'the file is missing',
      cure: 'Every route inherits from it who may come in.',
    })),
    ...unused.map((file) => ({
      file: join(APIM, file),
      line: 1,
      problem: 'no operation has this policy',
      cure: `Name it in ${OPERATIONS}.`,
    })),
    ...operations.flatMap((operation, i) =>
      problemsOf(operation, operations.slice(0, i), policies).map((problem) => {
        return { file: OPERATIONS, line: lineAt(text, text.indexOf(`"name": "${operation.name}"`)), ...problem };
      }),
    ),
  ];
}

type Problem = Pick<Finding, 'problem' | 'cure'>;

function problemsOf(
  operation: GatewayOperation,
  before: readonly GatewayOperation[],
  policies: ReadonlyMap<string, PolicyElement>,
): Problem[] {
  const { name, method, urlTemplate, policy, streams, templateParameters } = operation;
  const own = policies.get(policy);
  const problems: Problem[] = [];
  if (policy !== '' && !own)
    problems.push({ problem: `${name}: there is no policy ${policy}`, cure: `A file of ${APIM}, or "".` });
  if (before.some((one) => one.name === name || (one.method === method && one.urlTemplate === urlTemplate)))
    problems.push({ problem: `${name}: an operation of that name or route is there already`, cure: 'Keep one.' });
  if ([...urlTemplate.matchAll(/\{(\w+)\}/g)].join() !== templateParameters.map((p) => `{${p.name}},${p.name}`).join())
    problems.push({ problem: `${name}: templateParameters are not those of ${urlTemplate}`, cure: 'List each one.' });
  const files = [own, policies.get(API), policies.get(GLOBAL)].filter((file) => file !== undefined);
  const isCached = files.some((file) => named(file, 'cache-lookup').length > 0);
  if (isCached && (method !== 'GET' || streams))
    problems.push({ problem: `${name}: a cache is for GET, and for no stream`, cure: 'Give it another policy.' });
  if (isOpen(own) && method !== 'GET')
    problems.push({ problem: `${name}: ${method} without a token`, cure: 'Give it another policy.' });
  if (urlTemplate.startsWith('/admin') && policy !== 'admin.xml')
    problems.push({ problem: `${name}: the scope is not looked at`, cure: '"policy": "admin.xml"' });
  return [...problems, ...(files.length > 0 ? forwardingProblems(operation, files) : [])];
}

/** The one policy that forwards is that of the nearest file that does not inherit its backend section. */
function forwardingProblems({ name, streams }: GatewayOperation, files: readonly PolicyElement[]): Problem[] {
  const nearest = files.find((file) => named(sectionOf(file, 'backend'), 'base').length === 0);
  const forwards = named(nearest && sectionOf(nearest, 'backend'), 'forward-request');
  if (forwards.length !== 1)
    return [
      { problem: `${name}: ${forwards.length} times forward-request`, cure: 'Once, in the nearest backend section.' },
    ];
  return streams && forwards[0]?.attributes.get('buffer-response')?.value !== 'false'
    ? [{ problem: `${name}: its stream is collected`, cure: 'forward-request buffer-response="false"' }]
    : [];
}
