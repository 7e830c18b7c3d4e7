import { AppError } from '../app-error.js';
import type { ChatChunk } from '../chat.js';
import type { DoorWords } from '../door-words.js';
import type { StreamForm } from './sse-writer.js';

/** What failed, in the words of the door that the request came through. */
export const inWords = (error: unknown, words: DoorWords): unknown =>
  error instanceof AppError ? error.inWords(words) : error;

/** A stream that breaks off in the words of its door. */
export class WordedForm implements StreamForm {
  readonly keepAlive: string;

  constructor(
    private readonly form: StreamForm,
    private readonly words: DoorWords,
  ) {
    this.keepAlive = form.keepAlive;
  }

  chunk(chunk: ChatChunk): string {
    return this.form.chunk(chunk);
  }

  end(): string {
    return this.form.end();
  }

  error(error: AppError): string {
    return this.form.error(error.inWords(this.words));
  }
}
