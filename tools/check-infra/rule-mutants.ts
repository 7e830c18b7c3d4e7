/** A rule that is wrong in one place. */
export interface Mutant {
  readonly what: string;
  readonly text: string;
}

const COMPARISON = /([<>]=?|==)(\s*(?:bool\s+)?)(\d+(?:\.\d+)?)(?![\w.])/g;
const FOR = /\n( +)for: (\d+)m\n/g;
const MORE = 1.5;
const LESS = 0.5;

/** Other bounds than the one that stands there: a little more and a little less. */
function bounds(operator: string, value: number): string[] {
  if (operator === '==') return [`${operator}${String(value + 1)}`];
  if (value === 0) return [`${operator}1e9`, `${operator}=0`];
  return [MORE, LESS].map((factor) => operator + String(Number((value * factor).toFixed(6))));
}

/** @param text of one alert, as it stands in its file */
export function mutantsOf(text: string): Mutant[] {
  const mutants: Mutant[] = [];
  const replaced = (match: RegExpExecArray, by: string) =>
    mutants.push({
      what: `${match[0].trim()} -> ${by.trim() || 'nothing'}`,
      text: text.slice(0, match.index) + by + text.slice(match.index + match[0].length),
    });
  for (const match of text.matchAll(COMPARISON)) {
    const [, operator = '', between = '', value = ''] = match;
    for (const bound of bounds(operator, Number(value))) {
      const at = operator.length;
      replaced(match, bound.slice(0, at) + (bound[at] === '=' ? '=' : '') + between + bound.slice(at).replace('=', ''));
    }
  }
  for (const match of text.matchAll(FOR)) {
    replaced(match, `\n${match[1]}for: ${String(2 * Number(match[2]) + 1)}m\n`);
    replaced(match, '\n');
  }
  return mutants;
}
