import type { AppError } from '../../common/app-error.js';
import {
  partsOf,
  type ChatChunk,
  type Choice,
  type Completion,
  type ContentPart,
  type Delta,
} from '../../common/chat.js';
import { anthropicError } from '../../common/http/anthropic-error.js';
import type { StreamForm } from '../../common/http/sse-writer.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import { reasoningOf, type ReasoningDetail } from '../../common/reasoning.js';
import { TextRun } from '../../common/text-run.js';
import { joinedToolCalls, openCall } from '../../common/tool-call-pieces.js';
import type { Usage } from '../../common/usage.js';
import { messageUsage, stopOf, toolId } from './message-end.js';
import { BlockSequence, eventText, RedactedBlock, TextBlock, ThinkingBlock, ToolBlock } from './stream-blocks.js';

/** Anthropic sends one behind `message_start` as well, and clients take one anywhere. */
export const PING = eventText('ping', '');

/** What is known of a message before its first word. */
export interface MessageHead {
  readonly id: string;
  /** The model that answers, as its server names it. */
  readonly model: string;
  /** No real model answers, which is told. */
  readonly simulated: boolean;
  readonly requestId: string;
  /** Tokens, estimated: what was counted comes at the end. */
  readonly inputTokens: number;
  /** The stop sequences that were asked for. */
  readonly stops: readonly string[];
}

/** Where the usage stands once the answer is complete. */
export interface CountedAnswer {
  readonly result: { readonly usage: Usage | null } | null;
}

/** A chat stream as the events of a streamed message. Only the first choice is read, as this API has no other. */
export class MessagesStream implements StreamForm {
  readonly keepAlive = PING;
  private readonly blocks = new BlockSequence();
  /** Tool calls so far, and the block of each. */
  private readonly calls: Fields[] = [];
  private readonly tools = new Map<Fields, ToolBlock>();
  private readonly toolIds = new Set<string>();
  private hasBegun = false;
  private last: Choice = {};

  constructor(
    private readonly head: MessageHead,
    private readonly answer: CountedAnswer,
  ) {}

  chunk({ frames }: ChatChunk): string {
    let text = this.begun();
    for (const frame of frames) {
      if (!(frame instanceof TextRun)) text += this.frame(frame.json);
      else if (frame.index !== 0) continue;
      else if (frame.field === 'content') text += this.text(frame.piece);
      else text += this.thinking({ type: 'reasoning.text', text: frame.piece });
    }
    return text;
  }

  end(): string {
    const { head, answer, last } = this;
    const usage = messageUsage(answer.result?.usage ?? null, head.inputTokens);
    const delta = stopOf(last, head.stops, this.calls.length > 0);
    const fields = `"delta":${JSON.stringify(delta)},"usage":${JSON.stringify(usage)}`;
    return this.begun() + this.blocks.end() + eventText('message_delta', fields) + eventText('message_stop', '');
  }

  error(error: AppError): string {
    return `event: error\ndata: ${JSON.stringify(anthropicError(error, this.head.requestId).body)}\n\n`;
  }

  private begun(): string {
    if (this.hasBegun) return '';
    this.hasBegun = true;
    const { id, model, simulated, inputTokens } = this.head;
    const message = {
      ...{ id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null },
      usage: messageUsage(null, inputTokens),
      ...(simulated ? { simulated } : {}),
    };
    return eventText('message_start', `"message":${JSON.stringify(message)}`) + PING;
  }

  private frame({ choices }: Completion): string {
    let text = '';
    for (const choice of choices ?? []) {
      if ((choice.index ?? 0) !== 0) continue;
      const delta = choice.delta ?? choice.message;
      if (isFields(delta)) text += this.delta(delta);
      if (choice.finish_reason) this.last = choice;
    }
    return text;
  }

  private delta(delta: Delta): string {
    const { content, refusal, tool_calls: calls, function_call: call } = delta;
    const { text: thought, details } = reasoningOf(delta);
    let text = thought === '' ? '' : this.thinking({ type: 'reasoning.text', text: thought });
    for (const detail of details) text += this.detail(detail);
    text += this.text(typeof content === 'string' ? content : textIn(content));
    if (typeof refusal === 'string') text += this.text(refusal);
    if (Array.isArray(calls)) for (const piece of calls) text += this.tool(piece);
    if (isFields(call)) text += this.tool({ index: 0, function: call });
    return text;
  }

  private text(piece: string): string {
    if (piece === '') return '';
    const { blocks } = this;
    if (blocks.last instanceof TextBlock) return blocks.add(blocks.last, piece);
    const block = new TextBlock();
    block.held = piece;
    return blocks.begin(block);
  }

  private thinking(detail: Partial<ReasoningDetail>): string {
    const piece = detail.text ?? detail.summary ?? '';
    if (piece === '' && detail.signature === undefined) return '';
    const { blocks } = this;
    const { last } = blocks;
    if (last instanceof ThinkingBlock && last.takes(detail)) {
      last.note(detail);
      return blocks.add(last, piece);
    }
    const block = new ThinkingBlock(this.head.model, detail);
    block.held = piece;
    return blocks.begin(block);
  }

  private detail(detail: ReasoningDetail): string {
    if (detail.type !== 'reasoning.encrypted') return this.thinking(detail);
    const { last } = this.blocks;
    if (!(last instanceof RedactedBlock) || !last.takes(detail)) {
      return this.blocks.begin(new RedactedBlock(this.head.model, detail));
    }
    last.add(detail);
    return '';
  }

  private tool(piece: unknown): string {
    if (!isFields(piece)) return '';
    const { calls, blocks } = this;
    const open = openCall(calls, piece);
    joinedToolCalls(calls, [piece]);
    const call = open ?? calls.at(-1)!;
    const said = argumentsIn(piece);
    const known = this.tools.get(call);
    if (known) {
      known.grow(said);
      if (known.isReady()) return blocks.add(known, said);
      known.name = nameIn(piece);
      return blocks.add(known, said) + blocks.proceed(false);
    }
    const block = new ToolBlock(toolId(piece['id'], this.head.id, calls.length, this.toolIds));
    this.tools.set(call, block);
    block.name = nameIn(piece);
    block.grow(said);
    block.held = said;
    return blocks.begin(block);
  }
}

const functionIn = ({ function: called, custom }: Fields): Fields => {
  const part = called ?? custom;
  return isFields(part) ? part : {};
};

function nameIn(piece: Fields): string {
  const { name } = functionIn(piece);
  return typeof name === 'string' ? name : '';
}

/** Some servers send the object itself. */
function argumentsIn(piece: Fields): string {
  const part = functionIn(piece);
  const said = part['arguments'] ?? part['input'] ?? '';
  return typeof said === 'string' ? said : JSON.stringify(said);
}

function textIn(content: unknown): string {
  let said = '';
  for (const { text } of partsOf({ content: content as ContentPart[] | null }))
    if (typeof text === 'string') said += text;
  return said;
}
