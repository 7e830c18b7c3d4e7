import { hash } from 'node:crypto';
import { AppError } from '../app-error.js';
import { UpstreamFailure } from '../upstream-failure.js';

/*
 * What callers and model servers write stays out of logs, spans, metrics and other people's errors (FAULTS F12): names
 * the configuration does not know are `other`, sessions are marks, errors speak in our own words.
 */

/** Stands for every name that the configuration does not know. */
export const OTHER = 'other';

const MARK_CHARS = 12;
const STACK_LINE = /^ {4}at /m;
/** How V8 quotes a piece of the text in its message. */
const JSON_QUOTE = /, (?:\.\.\.)?"[^]*"(?:\.\.\.)? is not valid JSON$/;

/** Session ids are chosen by callers and may name people; the same session still has the same mark. */
export const sessionMark = (id: string): string => hash('sha256', id, 'hex').slice(0, MARK_CHARS);

/** What `JSON.parse` says of a text, without the piece of it that it quotes. */
export const jsonFault = (error: unknown): string => (error as Error).message.replace(JSON_QUOTE, '');

/**
 * An error's message in our own words. A provider's words may quote the request, and are told to the caller alone;
 * those of the JSON parser quote what it read.
 */
export function ownWords(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  if (error instanceof UpstreamFailure && error.detail.status !== undefined) {
    return `HTTP ${error.detail.status} (${error.outcome})`;
  }
  if (error instanceof AppError && error.status < 500) return error.code;
  return error instanceof SyntaxError ? jsonFault(error) : String(error.message);
}

/** Messages of SDKs and stacks go on for lines; an error without a message has its kind. */
export const firstLine = ({ message, name }: Error): string => message.split('\n')[0] || name;

/** The frames of a stack; its first lines repeat the message. */
export function stackFrames({ stack }: Error): string | undefined {
  const at = stack?.search(STACK_LINE) ?? -1;
  return at < 0 ? undefined : stack?.slice(at);
}
