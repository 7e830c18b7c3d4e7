/**
 * What an answer took, in tokens. A count is `null` where it is not known: the server left it out, or said something that
 * is no count.
 */
export interface Usage {
  prompt_tokens: number | null;
  completion_tokens: number | null;
  total_tokens: number | null;
  /** Nobody counted: these are estimates from the texts. */
  estimated?: true;
  [field: string]: unknown;
}

/** More than any answer takes; a server that says more says nothing. */
const MOST_TOKENS = 1_000_000_000;

/** A count of tokens as a server says it; `null` = it is none. */
export const countOf = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_TOKENS ? (value as number) : null;

/**
 * Reads a usage object from outside: of a model server, or of a stored document. The only place that does; the counts
 * are numbers or `null` afterwards, and fields that nobody here knows are kept.
 *
 * @returns `null` when there is no usage object, or not one count in it
 */
export function readUsage(reported: unknown): Usage | null {
  if (typeof reported !== 'object' || reported === null || Array.isArray(reported)) return null;
  const fields = reported as Readonly<Record<string, unknown>>;
  const prompt = countOf(fields['prompt_tokens']);
  const completion = countOf(fields['completion_tokens']);
  const total = countOf(fields['total_tokens']) ?? sumOf(prompt, completion);
  if (prompt === null && completion === null && total === null) return null;
  return { ...fields, prompt_tokens: prompt, completion_tokens: completion, total_tokens: total };
}

/** A usage of estimates. */
export const estimatedUsage = (prompt: number, completion: number): Usage => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  estimated: true,
});

const sumOf = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);
