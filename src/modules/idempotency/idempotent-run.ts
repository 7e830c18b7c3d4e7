import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { DeadlineExceeded } from '../../common/app-error.js';
import { BackgroundWork } from '../../common/background-work.js';
import type { AnswerKeeper, StreamCopy } from '../../common/http/idempotent.decorator.js';
import { FailureEpisode } from '../../common/logging/failure-episode.js';
import { ownWords } from '../../common/logging/outside-text.js';
import type { SessionKey } from '../../common/session-id.js';
import type { IdempotencyStore, KeyName, StoredAnswer } from './idempotency-store.js';

/** A replica that dies gives its keys back after so long, milliseconds. */
const LEASE_MS = 15_000;
const RENEW_MS = 5_000;
/** Who waits is told of the end; this often it looks by itself, as word between replicas can be lost. Milliseconds. */
const LOOK_MS = 1_000;
/** Answers are kept for a day, as the SDKs of the field expect. */
const KEEP_MS = 86_400_000;
/** A larger answer is given and not kept, bytes. */
const MAX_BYTES = 4_194_304;
/** Belong to the connection, to the moment, or to the web page that asked first. */
const NOT_KEPT =
  /^((?:x-)?request-id|connection|keep-alive|date|content-length|transfer-encoding|vary|access-control-.*)$/;
const STATUS_OK = 200;

const logger = new Logger('idempotency');
/** Of the store of the keys, whoever uses it. */
const keeping = new FailureEpisode();
const background = new BackgroundWork('idempotency');

type Headers = Readonly<Record<string, string>>;

/** A request that came with a key. */
export interface KeyedRequest {
  readonly key: KeyName;
  /** Of everything that shapes the answer. */
  readonly fingerprint: string;
  readonly session: SessionKey | null;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * One try to answer one key, which writes the answer down while it goes out. Once it has the key it gives it back exactly
 * once: with the answer, without one, or when the caller goes away, whatever the request was doing.
 */
export class IdempotentRun implements AnswerKeeper {
  private readonly owner = randomUUID();
  private renewal: NodeJS.Timeout | null = null;
  private readonly onAbort = this.releaseSoon.bind(this);

  constructor(
    private readonly store: IdempotencyStore,
    private readonly request: KeyedRequest,
  ) {}

  /**
   * Takes the key, or waits for the answer of the one who has it; when that one fails, takes it over.
   *
   * @param deadlineAt `performance.now()` milliseconds
   * @throws StoreUnavailable, DeadlineExceeded, the signal's reason
   */
  async begin(deadlineAt: number): Promise<'claimed' | 'other' | StoredAnswer> {
    const { key, signal } = this.request;
    let claim = await this.claim();
    while (claim.state === 'running') {
      const leftMs = deadlineAt - performance.now();
      const patience = AbortSignal.timeout(Math.min(LOOK_MS, Math.max(0, Math.ceil(leftMs))));
      const ended = this.store.ended(key, AbortSignal.any([signal, patience]));
      claim = await this.claim(); // it may have ended before the watch began
      if (claim.state !== 'running') break;
      if (leftMs <= 0)
        throw new DeadlineExceeded('The first request with this Idempotency-Key has not been answered yet.');
      await ended;
    }
    return claim.state === 'done' ? claim.answer : claim.state;
  }

  async keep(headers: Headers, body: string): Promise<void> {
    if (Buffer.byteLength(body) > MAX_BYTES) return this.release();
    const { key, session } = this.request;
    const answer = { status: STATUS_OK, headers: keptHeaders(headers), body, session };
    if (this.endLease()) await this.quietly(() => this.store.complete(key, this.owner, answer, KEEP_MS));
  }

  stream(headers: Headers): StreamCopy {
    return new RecordedStream(this, headers);
  }

  /** Does nothing when the key was given back already. */
  async release(): Promise<void> {
    if (this.endLease()) await this.quietly(() => this.store.release(this.request.key, this.owner));
  }

  /** As `release`, for those who cannot wait. */
  releaseSoon(): void {
    background.launch('giving a key back', () => this.release());
  }

  private async claim() {
    const { key, fingerprint, signal } = this.request;
    signal.throwIfAborted();
    const claim = await this.store.claim(key, fingerprint, this.owner, LEASE_MS);
    if (claim.state === 'claimed') this.keepLease();
    return claim;
  }

  private keepLease(): void {
    const { key, signal } = this.request;
    this.renewal = background.repeat('holding a key', RENEW_MS, () => this.store.renew(key, this.owner, LEASE_MS));
    if (signal.aborted) this.releaseSoon();
    else signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /** @returns whether it was still held */
  private endLease(): boolean {
    if (!this.renewal) return false;
    background.clear(this.renewal);
    this.renewal = null;
    this.request.signal.removeEventListener('abort', this.onAbort);
    return true;
  }

  /** The answer goes out all the same; a key that was not kept is only a duplicate that is not recognised. */
  private async quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      const over = keeping.worked();
      if (over) logger.log(`keys are kept again, ${over}`);
    } catch (error) {
      if (keeping.failed()) logger.warn(`keys are not kept: ${ownWords(error)}`);
    }
  }
}

/** A caller who goes away is not seen here: the run itself gives the key back then. */
class RecordedStream implements StreamCopy {
  private written: string | null = '';

  constructor(
    private readonly run: IdempotentRun,
    private readonly headers: Headers,
  ) {}

  piece(text: string): void {
    if (this.written !== null) this.written += text;
    if (this.written !== null && this.written.length > MAX_BYTES) this.written = null;
  }

  async last(text: string): Promise<void> {
    if (this.written === null) return this.run.release();
    await this.run.keep(this.headers, this.written + text);
  }

  broken(): void {
    this.run.releaseSoon();
  }
}

function keptHeaders(headers: Headers): Record<string, string> {
  const all = Object.entries(headers).filter(([name]) => !NOT_KEPT.test(name));
  return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
}
