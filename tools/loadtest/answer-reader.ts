import type { IncomingHttpHeaders } from 'node:http';
import type { Outcome, Tokens } from './outcome.js';

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** What comes from outside may be anything; a name in a report is short and printable. */
const nameOf = (text: string): string => text.replace(/[^\x21-\x7e]/g, '?').slice(0, 80) || 'none';

type Counted = Pick<Outcome, 'target' | 'cache' | 'fallback' | 'attempts' | 'costUsd'>;

export function countedHeaders(headers: IncomingHttpHeaders): Counted {
  const cost = Number.parseFloat(single(headers['x-router-cost-usd']) ?? '');
  return {
    target: nameOf(single(headers['x-router-target']) ?? ''),
    cache: nameOf(single(headers['x-router-cache']) ?? ''),
    fallback: single(headers['x-router-fallback']) === 'true',
    attempts: Number.parseInt(single(headers['x-router-attempts']) ?? '0', 10) || 0,
    costUsd: Number.isFinite(cost) ? cost : null,
  };
}

export const NOTHING_COUNTED: Counted = { target: 'none', cache: 'none', fallback: false, attempts: 0, costUsd: null };

function tokensOf(usage: unknown): Tokens | null {
  const { prompt_tokens: prompt, completion_tokens: completion } = (usage ?? {}) as Record<string, unknown>;
  return typeof prompt === 'number' && typeof completion === 'number' ? { prompt, completion } : null;
}

const codeOf = (error: unknown): string | null => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && code !== '' ? nameOf(code) : null;
};

interface Json {
  readonly error?: unknown;
  readonly usage?: unknown;
  readonly choices?: readonly {
    readonly delta?: Readonly<Record<string, unknown>>;
    readonly finish_reason?: unknown;
  }[];
}

function parsed(text: string): Json {
  try {
    return (JSON.parse(text) ?? {}) as Json;
  } catch {
    return {}; // an answer that is no JSON has nothing to count, and its status says whether it is a failure
  }
}

/** A plain answer, or the body of an error. */
export class PlainReader {
  private readonly pieces: Buffer[] = [];

  read(piece: Buffer): void {
    this.pieces.push(piece);
  }

  end(status: number): Pick<Outcome, 'status' | 'error' | 'tokens'> {
    const body = parsed(Buffer.concat(this.pieces).toString('utf8'));
    if (status !== 200) return { status, error: codeOf(body.error) ?? `http_${status}`, tokens: null };
    if (!Array.isArray(body.choices)) return { status, error: 'no_completion', tokens: null };
    return { status, error: null, tokens: tokensOf(body.usage) };
  }
}

/** Longer frames are passed over: none that is counted is that long. */
const LONGEST_FRAME = 4_194_304;

/**
 * An event stream (WHATWG HTML section 9.2), read as far as it is measured. Frames are parsed until the first token,
 * then only those that can hold usage or an error: the load generator should not be what is measured. Latin-1 keeps
 * the structure of JSON in UTF-8 and needs no state between reads; the text of the answer is not looked at.
 */
export class StreamReader {
  private rest = '';
  private tokens: Tokens | null = null;
  private error: string | null = null;
  private done = false;
  private firstAt: number | null = null;
  private lastAt = 0;
  private gap: number | null = null;

  /** @param at when it came, in the caller's clock */
  read(piece: Buffer, at: number): void {
    const text = this.rest + piece.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    this.rest = text.length - end > LONGEST_FRAME ? '' : text.slice(end);
    const begun = this.firstAt !== null;
    let frames = 0;
    for (let from = 0; from < end;) {
      const to = text.indexOf('\n', from);
      if (text.startsWith('data:', from)) {
        frames += 1;
        this.frame(text.slice(from + 5, to).trim(), at);
      }
      from = to + 1;
    }
    if (frames === 0 || this.firstAt === null) return;
    if (begun) this.gap = Math.max(this.gap ?? 0, at - this.lastAt);
    this.lastAt = at;
  }

  end(status: number): Pick<Outcome, 'status' | 'error' | 'tokens'> {
    const complete = this.done && this.error === null;
    if (complete) return { status, error: null, tokens: this.tokens };
    return { status: 'cut', error: this.error ?? 'stream_without_end', tokens: this.tokens };
  }

  times(sentAt: number): Pick<Outcome, 'firstTokenMs' | 'gapMs'> {
    return { firstTokenMs: this.firstAt === null ? null : this.firstAt - sentAt, gapMs: this.gap };
  }

  private frame(data: string, at: number): void {
    if (data === '[DONE]') this.done = true;
    else if (this.firstAt === null || data.includes('"usage":') || data.includes('"error":')) this.json(data, at);
  }

  private json(data: string, at: number): void {
    const { error, usage, choices } = parsed(data);
    if (error !== undefined && error !== null) this.error = codeOf(error) ?? 'error_in_stream';
    this.tokens = tokensOf(usage) ?? this.tokens;
    if (Array.isArray(choices) && choices.some(isContent)) this.firstAt ??= at;
  }
}

/** The first content, reasoning or tool-call delta, or a finish reason (docs/GLOSSARY.md, first token). */
function isContent({ delta, finish_reason: reason }: NonNullable<Json['choices']>[number]): boolean {
  if (reason !== undefined && reason !== null) return true;
  return Object.entries(delta ?? {}).some(
    ([name, value]) =>
      name !== 'role' && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
}
