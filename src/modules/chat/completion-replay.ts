import type { ChatChunk, ChatFrame, Choice, Completion, Delta } from '../../common/chat.js';
import type { ChunkSink, ChunkStream } from '../../common/chunk-stream.js';
import { exactCompletion } from '../../common/answer-shape.js';

const PIECE_CHARACTERS = 256;
const FRAMES_AT_ONCE = 32;

/** An answer that is there already, handed out at once. */
export class ReplayedChunks implements ChunkStream {
  readonly upstreamMs: number = 0;

  constructor(private readonly chunks: readonly ChatChunk[]) {}

  relay(sink: ChunkSink): void {
    for (const chunk of this.chunks) sink.chunk(chunk);
    sink.end(null);
  }

  /** It has been handed out by then. */
  pause(): void {}

  resume(): void {}

  abandon(): void {}
}

/**
 * A whole answer as the frames of a stream: per choice role, text in pieces, everything else, finish reason; then the
 * usage. The opposite of `CompletionCollector`.
 */
export function replayFrames(whole: ChatFrame): ChatFrame[] {
  const { choices = [], usage, ...top } = exactCompletion(whole);
  const head = { ...top, object: 'chat.completion.chunk' };
  const frame = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });
  const frames = choices.flatMap((choice) =>
    choiceDeltas(choice).map((delta) => frame({ ...head, choices: [{ ...delta, index: choice.index ?? 0 }] })),
  );
  return usage ? [...frames, frame({ ...head, choices: [], usage })] : frames;
}

/** The same in chunks of so many frames that a reader who is full can be held up between them. */
export function replayChunks(whole: ChatFrame): ChatChunk[] {
  const frames = replayFrames(whole);
  const chunks: ChatChunk[] = [];
  for (let at = 0; at < frames.length; at += FRAMES_AT_ONCE)
    chunks.push({ frames: frames.slice(at, at + FRAMES_AT_ONCE) });
  return chunks;
}

function choiceDeltas({ message = {}, finish_reason = null, index: _, ...fields }: Choice): Choice[] {
  const { role = 'assistant', content, tool_calls: calls, ...beside } = message;
  const [thought, others] = parted(beside);
  const rest: Delta = { ...others, ...(calls ? { tool_calls: calls.map((call, index) => ({ index, ...call })) } : {}) };
  const deltas: Delta[] = [
    { role, content: content === null ? null : '' },
    ...(Object.keys(thought).length > 0 ? [thought] : []),
    ...contentDeltas(content),
    ...(Object.keys(rest).length > 0 ? [rest] : []),
  ];
  return [...deltas.map((delta): Choice => ({ delta, finish_reason: null })), { ...fields, delta: {}, finish_reason }];
}

/** A model reasons before it speaks; readers of a stream take it in that order. */
const REASONING: ReadonlySet<string> = new Set(['reasoning_content', 'reasoning', 'thinking', 'reasoning_details']);

/** What was reasoned, and everything else. */
function parted(fields: Delta): [thought: Delta, others: Delta] {
  const { true: thought = [], false: others = [] } = Object.groupBy(Object.entries(fields), ([field]) =>
    REASONING.has(field) ? 'true' : 'false',
  );
  return [Object.fromEntries(thought), Object.fromEntries(others)];
}

/** A content of parts, as some servers send it, goes out as it is. */
const contentDeltas = (content: unknown): Delta[] =>
  typeof content === 'string'
    ? pieces(content).map((piece) => ({ content: piece }))
    : content
      ? ([{ content }] as Delta[])
      : [];

/** Pieces of the text that never cut a surrogate pair. */
function pieces(text: string): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + PIECE_CHARACTERS, text.length);
    const code = text.charCodeAt(end - 1);
    if (end < text.length && code >= 0xd800 && code <= 0xdbff) end += 1;
    out.push(text.slice(at, end));
    at = end;
  }
  return out;
}
