import { hasContent, type ChatChunk } from '../../common/chat.js';

/** A stream whose first content is here; what came before it (headers, role chunks) is kept in front. */
export interface PrimedStream {
  readonly begun: readonly ChatChunk[];
  readonly rest: AsyncIterator<ChatChunk>;
  readonly ended: boolean;
}

/**
 * Pulls until something readable has arrived, so that everything that goes wrong before it is still a failed attempt
 * and not a broken answer.
 */
export async function primed(stream: AsyncIterable<ChatChunk>): Promise<PrimedStream> {
  const rest = stream[Symbol.asyncIterator]();
  const begun: ChatChunk[] = [];
  try {
    for (;;) {
      const next = await rest.next();
      if (next.done) return { begun, rest, ended: true };
      begun.push(next.value);
      if (next.value.frames.some((frame) => hasContent(frame.json))) return { begun, rest, ended: false };
    }
  } catch (error) {
    await rest.return?.(); // whatever went wrong, the call and its slot are given back
    throw error;
  }
}

/** Pulls the whole answer, so that nothing of it is seen before it is known to be complete (`streamRecovery: buffer`). */
export async function wholly(stream: AsyncIterable<ChatChunk>): Promise<PrimedStream> {
  const rest = stream[Symbol.asyncIterator]();
  const begun: ChatChunk[] = [];
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) begun.push(next.value);
    return { begun, rest, ended: true };
  } catch (error) {
    await rest.return?.();
    throw error;
  }
}
