import type { OpenAI } from 'openai';
import type { ChatChunk, ChatFrame } from '../../../common/chat.js';
import { IteratedStream, WholeAnswer } from '../../../common/chunk-stream.js';
import type { EmbeddingRequest } from '../../../common/embeddings.js';
import type { OutgoingTrace } from '../../../common/tracing/trace-context.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import type { ModelStream } from '../models.messages.js';
import { CHAT_COMPLETIONS } from './dialect.js';
import type { ModelServer } from './model-server.js';
import { PlainCall } from './plain-call.js';
import { parsedVectorList } from './vector-list.js';
import { vectorsIn } from './vectors-in.js';

/** The client's own limit never comes first: the call has one. Milliseconds. */
const BEHIND_LIMIT_MS = 10_000;

/**
 * One call for vectors, made by the `openai` package: it knows the path, the query and the form of the request. Its `fetch`
 * is a `PlainCall`, so that connections, sign-in, limits and errors are those of every other call. See `EmbedModelCommand`.
 */
export class EmbeddingCall extends IteratedStream implements ModelStream {
  private call: PlainCall | null = null;
  /** What went wrong with the call; `null` = nothing. The client throws something of its own in its place. */
  private failure: Error | null = null;
  /** The answer. */
  private text = '';
  private readonly leaving = new AbortController();
  private readonly signal: AbortSignal;

  /** @param request with the name that the server knows the model by @param limitMs until the whole answer is here */
  constructor(
    private readonly server: ModelServer,
    private readonly request: EmbeddingRequest,
    private readonly limitMs: number,
    callerSignal: AbortSignal,
    private readonly trace: OutgoingTrace | null,
  ) {
    super();
    this.signal = AbortSignal.any([callerSignal, this.leaving.signal]);
  }

  get upstreamMs(): number {
    return this.call?.upstreamMs ?? 0;
  }

  get isSent(): boolean {
    return this.call?.isSent ?? false;
  }

  override abandon(): void {
    super.abandon();
    this.leaving.abort();
  }

  protected async *chunks(): AsyncGenerator<ChatChunk> {
    this.signal.throwIfAborted();
    const { request } = this;
    yield { frames: [await vectorsIn(await this.answerTo(request), request)] };
  }

  private async answerTo(request: EmbeddingRequest): Promise<unknown> {
    const client = await this.client();
    try {
      // the list may hold texts and tokens of one kind only, which the request has been checked for
      const body = request as unknown as OpenAI.EmbeddingCreateParams;
      await client.embeddings.create(body, { signal: this.signal });
      return await parsedVectorList(this.text);
    } catch (error) {
      if (this.failure) throw this.failure;
      throw error instanceof SyntaxError ? new UpstreamFailure('bad_answer', 'the answer is not JSON') : error;
    }
  }

  /** The package is loaded with the first call only. */
  private async client(): Promise<OpenAI> {
    const { OpenAI } = await import('openai');
    const { chatUrl } = this.server;
    return new OpenAI({
      apiKey: 'signed in below',
      baseURL: new URL('..', chatUrl).href.replace(/\/$/, ''),
      defaultQuery: Object.fromEntries(chatUrl.searchParams),
      maxRetries: 0,
      timeout: this.limitMs + BEHIND_LIMIT_MS,
      logLevel: 'off',
      fetch: (url, init) => this.fetched(new URL(url instanceof Request ? url.url : url), init?.body),
    });
  }

  private async fetched({ pathname, search }: URL, body: unknown): Promise<Response> {
    const { server, limitMs, signal, trace } = this;
    const manner = { dialect: CHAT_COMPLETIONS, path: pathname + search };
    this.call = new BodyCall(server, manner, String(body), limitMs, signal, trace);
    const whole = new WholeAnswer();
    this.call.relay(whole);
    try {
      const [chunk] = await whole.chunks;
      this.text = chunk?.frames[0]?.text ?? '';
      // the client would parse it in one go
      return new Response('{}', { headers: { 'content-type': 'application/json' } });
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
  }
}

/** The body of an answer as it came. */
class BodyCall extends PlainCall {
  protected override frameOf(text: string): ChatFrame {
    return { text, json: {} };
  }
}
