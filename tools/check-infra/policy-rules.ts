import { routerConfigSchema } from '../../src/common/config/config.schema.js';
import type { Finding } from './finding.js';
import { GLOBAL } from './policy-shape.js';
import { isInside, named, sectionOf, within, type PolicyElement } from './policy-xml.js';

type Problem = Omit<Finding, 'file'>;

export const API = 'api.xml';
/** An operation sets it to be let in without a token. */
export const WITHOUT_TOKEN = 'withoutToken';

/** What stands in the inbound section of the API, in this order. */
const ORDER = ['base', 'validate-jwt', 'rate-limit-by-key', 'set-backend-service'];
/** Load balancers cut a connection that was silent for so long. */
const SILENCE_SECONDS = 240;
const MS_PER_SECOND = 1000;
/** The gateway refuses a policy that touches them, or ignores it. */
const FIXED_HEADERS = /^(server|connection|content-length|keep-alive|transfer-encoding)$/i;
/** More than that the gateway refuses; each combination of values is a time series. */
const MOST_DIMENSIONS = 5;
/** What it names is one of an endless set, or what somebody wrote. */
const ENDLESS = /\btoken\b|claim|Headers|OriginalUrl|IpAddress|requestId|Body/i;
const IS_GET = /context\.Request\.Method == "GET"/;

const valueOf = (element: PolicyElement, attribute: string): string => element.attributes.get(attribute)?.value ?? '';

/** Whether it is done for `GET` alone, whatever operation the file belongs to. */
const isForGet = (element: PolicyElement): boolean =>
  isInside(element, (around) => IS_GET.test(valueOf(around, 'condition')));

/** What this project asks of every policy file, beside that the gateway takes it. */
export function ruleProblems(name: string, root: PolicyElement): Problem[] {
  const all = within(root);
  return [
    ...(name === API ? orderProblems(sectionOf(root, 'inbound')) : []),
    ...(name === GLOBAL ? frontDoorProblems(root) : []),
    ...cacheProblems(root),
    ...tokenProblems(sectionOf(root, 'inbound')),
    ...all.flatMap((element) => [...headerProblems(element), ...metricProblems(element), ...forwardProblems(element)]),
    ...all.filter((element) => element.name === 'set-backend-service').flatMap(backendProblems),
  ];
}

/** Nobody is counted before it is known who he is, and nobody uses the backend before he is counted. */
function orderProblems(inbound: PolicyElement | undefined): Problem[] {
  if (!inbound) return [];
  const all = within(inbound);
  const places = ORDER.map((policy) => all.findIndex((element) => element.name === policy));
  return ORDER.flatMap((policy, i): Problem[] => {
    const place = places[i] ?? -1;
    if (place < 0)
      return [{ line: inbound.line, problem: `there is no ${policy}`, cure: `In this order: ${ORDER.join(', ')}.` }];
    if (i > 0 && place < (places[i - 1] ?? -1))
      return [
        {
          line: all[place]?.line ?? 1,
          problem: `${policy} comes before ${ORDER[i - 1]}`,
          cure: `In this order: ${ORDER.join(', ')}.`,
        },
      ];
    return policy === 'rate-limit-by-key' ? counterProblems(all[place]) : [];
  });
}

function counterProblems(limit: PolicyElement | undefined): Problem[] {
  const key = limit ? valueOf(limit, 'counter-key') : '';
  return ['token', 'tid', 'oid']
    .filter((part) => !key.includes(`"${part}"`))
    .map((part) => ({
      line: limit?.line ?? 1,
      problem: `the counter-key does not know ${part}`,
      cure: 'A user is tid and oid of the validated token.',
    }));
}

function frontDoorProblems(root: PolicyElement): Problem[] {
  const checks = named(sectionOf(root, 'inbound'), 'check-header');
  const isThere = checks.some(
    (check) =>
      valueOf(check, 'name') === 'X-Azure-FDID' &&
      check.parent?.name === 'inbound' &&
      check.children.some(({ text }) => text.trim() === '{{front-door-id}}'),
  );
  return isThere
    ? []
    : [
        {
          line: root.line,
          problem: 'another Front Door may come in',
          cure: 'check-header X-Azure-FDID is {{front-door-id}}.',
        },
      ];
}

/** What stands in `Authorization` is what `base` validates: afterwards it would be a token that nobody looked at. */
function tokenProblems(inbound: PolicyElement | undefined): Problem[] {
  const all = inbound ? within(inbound) : [];
  const base = all.findIndex(({ name }) => name === 'base');
  return all.flatMap(({ name, line, ...element }, at): Problem[] => {
    const isToken = name === 'set-header' && element.attributes.get('name')?.value.toLowerCase() === 'authorization';
    return isToken && at > base
      ? [{ line, problem: 'Authorization is set after base', cure: 'base validates the token: set it before.' }]
      : [];
  });
}

function cacheProblems(root: PolicyElement): Problem[] {
  const lookups = named(sectionOf(root, 'inbound'), 'cache-lookup');
  const stores = named(sectionOf(root, 'outbound'), 'cache-store');
  const problems = [...lookups, ...stores]
    .filter((element) => !isForGet(element))
    .map(({ name, line }): Problem => {
      return { line, problem: `${name} for any method`, cure: 'Put it into a when: context.Request.Method == "GET".' };
    });
  if (lookups.length !== stores.length)
    problems.push({
      line: (lookups[0] ?? stores[0])?.line ?? 1,
      problem: 'an answer is kept and not looked for, or looked for and not kept',
      cure: 'cache-lookup in inbound and cache-store in outbound belong together.',
    });
  return [...problems, ...lookups.flatMap((lookup) => privacyProblems(root, lookup))];
}

/** What one may see is not shown to another one. */
function privacyProblems(root: PolicyElement, lookup: PolicyElement): Problem[] {
  const { line } = lookup;
  const inbound = within(sectionOf(root, 'inbound') ?? lookup);
  const base = inbound.findIndex(({ name }) => name === 'base');
  const varies = lookup.children.some(({ name, text }) => name === 'vary-by-header' && text.trim() === 'Authorization');
  const isPrivate = valueOf(lookup, 'allow-private-response-caching') === 'true';
  const isOpen = inbound.some((one) => one.name === 'set-variable' && valueOf(one, 'name') === WITHOUT_TOKEN);
  const problems: Problem[] = [];
  if (base < 0 || base > inbound.indexOf(lookup))
    problems.push({
      line,
      problem: 'a cached answer is given before base',
      cure: 'base validates the token: put it first.',
    });
  if (isPrivate === isOpen)
    problems.push({
      line,
      problem: `allow-private-response-caching is ${isPrivate} where ${isOpen ? 'no' : 'a'} token is asked for`,
      cure: 'true with a token, false without.',
    });
  if (!isOpen && !varies)
    problems.push({
      line,
      problem: 'a cached answer of one caller is given to another one',
      cure: '<vary-by-header>Authorization</vary-by-header>',
    });
  if (isPrivate && valueOf(lookup, 'downstream-caching-type') !== 'none')
    problems.push({ line, problem: 'a private answer may be kept on its way', cure: 'downstream-caching-type="none"' });
  return problems;
}

function headerProblems(element: PolicyElement): Problem[] {
  const header = valueOf(element, 'name');
  const isDeletion = valueOf(element, 'exists-action') === 'delete';
  if (element.name !== 'set-header') return [];
  const { line } = element;
  if (FIXED_HEADERS.test(header))
    return [{ line, problem: `the header ${header} cannot be changed by a policy`, cure: 'Leave it out.' }];
  if (isDeletion === element.children.length > 0)
    return [{ line, problem: `${header}: a value and exists-action do not fit`, cure: 'A value, or "delete".' }];
  return [];
}

function metricProblems(element: PolicyElement): Problem[] {
  if (element.name !== 'llm-emit-token-metric') return [];
  const { line, children } = element;
  const endless = children.filter(
    (one) => ENDLESS.test(valueOf(one, 'value')) || /^user id$/i.test(valueOf(one, 'name')),
  );
  const problems = endless.map((one) => ({
    line: one.line,
    problem: `the dimension ${valueOf(one, 'name')} has no end`,
    cure: 'Dimensions are closed sets: no user, no id, nothing that a caller sent.',
  }));
  if (children.length > MOST_DIMENSIONS)
    problems.push({ line, problem: `${children.length} dimensions`, cure: `At most ${MOST_DIMENSIONS}.` });
  return problems;
}

/** A stream waits as long for its beginning as the router takes for it. */
function forwardProblems(element: PolicyElement): Problem[] {
  if (element.name !== 'forward-request' || valueOf(element, 'buffer-response') === 'true') return [];
  const timeout = Number(valueOf(element, 'timeout'));
  const deadline = routerConfigSchema.parse({}).resilience.deadlineMs / MS_PER_SECOND;
  return timeout > deadline && timeout <= SILENCE_SECONDS
    ? []
    : [
        {
          line: element.line,
          problem: `timeout is ${timeout} s`,
          cure: `Over the ${deadline} s of resilience.deadlineMs, and at most ${SILENCE_SECONDS}: then Azure cuts a silent connection.`,
        },
      ];
}

/** A URL that is put together is that of one label of the app. */
function backendProblems(element: PolicyElement): Problem[] {
  const { line } = element;
  const url = element.attributes.get('base-url')?.value;
  const id = element.attributes.get('backend-id')?.value;
  if ((url === undefined) === (id === undefined))
    return [{ line, problem: 'base-url and backend-id', cure: 'One of the two.' }];
  if (id !== undefined && id !== '{{router-backend}}')
    return [{ line, problem: `there is no backend ${id}`, cure: 'backend-id="{{router-backend}}"' }];
  return url === undefined ||
    /^@\("https:\/\/\{\{router-app-name\}\}---" \+ .+ \+ "\.\{\{router-app-domain\}\}"\)$/.test(url)
    ? []
    : [{ line, problem: `the base-url ${url} is not that of a label`, cure: 'https://<app>---<label>.<domain>' }];
}
