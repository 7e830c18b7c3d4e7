/** Inputs of a request that go to a target in one call: from `from` on, `to` excluded. */
export interface Batch {
  readonly from: number;
  readonly to: number;
}

/** What one call may have at most. */
export interface BatchLimits {
  readonly inputs: number;
  /** Estimated; one input that has more goes alone. */
  readonly tokens: number;
}

/** Of OpenAI and Azure OpenAI; what a server takes less is found out. @see https://platform.openai.com/docs/api-reference/embeddings/create */
export const MOST_OF_A_CALL: BatchLimits = { inputs: 2048, tokens: 300_000 };

/** Cuts the inputs into as few batches as the limits allow, in order. @param tokens of each input */
export function batchesOf(tokens: readonly number[], { inputs: mostInputs, tokens: mostTokens }: BatchLimits): Batch[] {
  const batches: Batch[] = [];
  let from = 0;
  let sum = 0;
  for (const [at, count] of tokens.entries()) {
    const isFull = at - from >= mostInputs || sum + count > mostTokens;
    if (isFull && at > from) {
      batches.push({ from, to: at });
      from = at;
      sum = 0;
    }
    sum += count;
  }
  if (from < tokens.length) batches.push({ from, to: tokens.length });
  return batches;
}

/** A batch that was too much for its target, in two; `null` for a single input. */
export function halvesOf({ from, to }: Batch): readonly [Batch, Batch] | null {
  const middle = from + Math.ceil((to - from) / 2);
  return to - from < 2
    ? null
    : [
        { from, to: middle },
        { from: middle, to },
      ];
}

/**
 * How servers say that a call has too many inputs, where they do not say it as too many tokens: OpenAI "array too long",
 * Azure "The max number of inputs is 16", text-embeddings-inference "batch size 64 > maximum allowed batch size 32".
 */
const TOO_MANY_INPUTS =
  /too many (inputs|texts|items)|array too long|(max(imum)?|allowed)\b.{0,30}\b(number of (inputs|texts|items)|batch.?size|array length)|batch.?size\b.{0,60}\b(max(imum)?|exceed|allowed|too large|limit)/i;

export const saysTooManyInputs = (message: string): boolean => TOO_MANY_INPUTS.test(message);
