import type { EmbeddingInput } from '../../common/embeddings.js';
import type { MadeVector } from '../cache/cache.messages.js';

/** The vector of each input; `null` = it has to be made. */
export type VectorPlaces = (MadeVector | null)[];

/** Whether all that are there have one length, as the vectors of one model have. */
export function haveOneLength(places: readonly (MadeVector | null)[]): boolean {
  const length = places.find((one) => one !== null)?.vector.length;
  return places.every((one) => one === null || one.vector.length === length);
}

/** Places without a vector, those of equal inputs together, in order of the first. */
export function missingIn(places: VectorPlaces, inputs: readonly EmbeddingInput[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [at, place] of places.entries()) {
    if (place !== null) continue;
    const name = JSON.stringify(inputs[at]);
    const group = groups.get(name);
    if (group) group.push(at);
    else groups.set(name, [at]);
  }
  return [...groups.values()];
}
