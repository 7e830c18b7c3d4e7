/** The named values of the gateway that policies use: the Bicep makes each of them. */
export const NAMED_VALUES = [
  'api-audience',
  'entra-openid-config',
  'entra-tenant-id',
  'front-door-id',
  'router-app-domain',
  'router-app-name',
  'router-backend',
  'user-requests-per-minute',
] as const;

const NAMED_VALUE = /\{\{([^{}]*)\}\}/g;
/** Ids of tenants, subscriptions and apps. */
const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
/** Keys are of 32 signs and more without a blank, with digits among them. */
const KEY = /(?=[A-Za-z0-9+/_]*\d)[A-Za-z0-9+/_]{32,}={0,2}/;
const STRING = /@"(?:[^"]|"")*"|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'/g;
const CLOSES: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };

export interface TextProblem {
  readonly problem: string;
  readonly cure: string;
}

/** The names of the named values in a text. */
export const namedValuesIn = (text: string): string[] => [...text.matchAll(NAMED_VALUE)].map(([, name]) => name ?? '');

/** Whether a value is an expression, or has one in it. */
export const hasExpression = (value: string): boolean => /@[({]/.test(value);

/** What is wrong with an attribute or a text, as far as it can be said without a C# compiler. */
export function textProblems(value: string): TextProblem[] {
  const problems: TextProblem[] = [];
  for (const name of namedValuesIn(value))
    if (!NAMED_VALUES.some((known) => known === name))
      problems.push({
        problem: `there is no named value ${name}`,
        cure: 'Add it to NAMED_VALUES in tools/check-infra/policy-expressions.ts, and to the Bicep.',
      });
  if (GUID.test(value) || KEY.test(value))
    problems.push({ problem: 'an id or a key is written out', cure: 'Make it a named value: {{name}}.' });
  return hasExpression(value) ? [...problems, ...expressionProblems(value.trim())] : problems;
}

function expressionProblems(value: string): TextProblem[] {
  // What is in strings is not code; a named value in code would be text of the configuration run as code.
  const code = value.replace(STRING, '""');
  const end = endOfBrackets(code.slice(1));
  const problems: TextProblem[] = [];
  if (!/^@[({]/.test(value) || (end !== null && end < code.length - 2))
    problems.push({
      problem: 'an expression is mixed with text',
      cure: 'The whole value is one @(...) or @{...}; put text into it as a string.',
    });
  else if (end === null || code.includes('"') !== /""/.test(code) || /"(?!")/.test(code.replaceAll('""', '')))
    problems.push({ problem: 'brackets or quotes of an expression do not match', cure: 'Close each one.' });
  if (code.startsWith('@{') && !/\breturn\b/.test(code))
    problems.push({ problem: 'an expression without return', cure: '@{...} needs a return on every path.' });
  if (/\/\/|\/\*/.test(code))
    problems.push({
      problem: 'a comment in an expression',
      cure: 'Attributes are one line to the gateway: use <!-- -->.',
    });
  if (namedValuesIn(code).length > 0)
    problems.push({ problem: 'a named value is code', cure: 'Put it into a string: "{{name}}".' });
  if (/\.\s*Body\b/.test(code))
    problems.push({ problem: 'a body is read', cure: 'Reading it holds streams back, and it is what people wrote.' });
  return problems;
}

/** Where the bracket that a code begins with is closed; `null` when a bracket does not match. */
function endOfBrackets(code: string): number | null {
  const open: string[] = [];
  for (const [i, sign] of [...code].entries()) {
    if (CLOSES[sign]) open.push(CLOSES[sign]);
    else if (/[)}\]]/.test(sign) && open.pop() !== sign) return null;
    if (open.length === 0) return i;
  }
  return null;
}
