import { Logger } from '@nestjs/common';
import { StoreUnavailable } from './store-unavailable.js';
import { inTime } from './in-time.js';
import { FailureEpisode } from './logging/failure-episode.js';
import { ownWords } from './logging/outside-text.js';

/** @param signal aborts when its owner stops */
type Work = (signal: AbortSignal) => unknown;

const isAbort = (err: unknown): boolean => (err as Partial<Error> | null)?.name === 'AbortError';

/** How long an owner waits at its end for what is under way, milliseconds; a shutdown has other things to do. */
const STOP_MS = 2_000;

/**
 * The owner of work that nobody waits for: renewals, polls, drains, words to other replicas. Such work cannot end the
 * process: what it throws is told here, once when it begins to fail and once when it works again, and the next run
 * comes all the same. A store that is away has been told by its connection and is no news. Timers keep no process alive
 * and end with their owner.
 *
 * The linter lets nothing else start such work (no `void promise`, no floating promise chain, no `setInterval`).
 */
export class BackgroundWork {
  private readonly logger: Logger;
  private readonly ending = new AbortController();
  /** What `soon` has been asked for. */
  private readonly awaited = new Set<string>();
  /** Cleared by `clear` alone, so that none is held for ever. */
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  /** Of work that has failed. */
  private readonly episodes = new Map<string, FailureEpisode>();

  /** @param owner context of the log lines */
  constructor(owner: string) {
    this.logger = new Logger(owner);
  }

  /**
   * Does `work` every `everyMs` milliseconds; a time that comes while the run before is under way is left out.
   *
   * @param what words for the log, from code: "the renewal of leases"
   */
  repeat(what: string, everyMs: number, work: Work): NodeJS.Timeout {
    let busy = false;
    const round = async (): Promise<void> => {
      if (busy) return;
      busy = true;
      await this.run(what, work);
      busy = false;
    };
    // eslint-disable-next-line no-restricted-syntax -- this is the owner
    return this.hold(setInterval(() => this.own(round()), everyMs));
  }

  /** Does `work` once, `ms` milliseconds from now. */
  after(what: string, ms: number, work: Work): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.launch(what, work);
    }, ms);
    return this.hold(timer);
  }

  /** Nothing of it begins any more. @param timer of `repeat` or `after` */
  clear(timer: NodeJS.Timeout): void {
    this.timers.delete(timer);
    clearTimeout(timer);
  }

  /** As `after`, once for all who ask until then. */
  soon(what: string, ms: number, work: Work): void {
    if (this.awaited.has(what)) return;
    this.awaited.add(what);
    this.after(what, ms, (signal) => {
      this.awaited.delete(what);
      return work(signal);
    });
  }

  /** Begins `work` now. After `stop` nothing begins. */
  launch(what: string, work: Work): void {
    if (!this.ending.signal.aborted) this.own(this.run(what, work));
  }

  /** Nothing begins any more. */
  cancel(): void {
    this.ending.abort();
    for (const timer of this.timers) this.clear(timer);
  }

  /** Nothing begins any more. Resolves when what is under way has ended, or after 2 s; never rejects. */
  async stop(): Promise<void> {
    this.cancel();
    if (this.running.size > 0) await inTime(Promise.all(this.running), STOP_MS, null);
  }

  private hold(timer: NodeJS.Timeout): NodeJS.Timeout {
    if (this.ending.signal.aborted) clearTimeout(timer);
    else this.timers.add(timer);
    return timer.unref();
  }

  private own(run: Promise<void>): void {
    this.running.add(run);
    const ended = (): boolean => this.running.delete(run);
    // eslint-disable-next-line no-restricted-syntax -- `run` never rejects, and `ended` does not throw
    run.then(ended, ended);
  }

  private async run(what: string, work: Work): Promise<void> {
    try {
      await work(this.ending.signal);
      const over = this.episodes.get(what)?.worked();
      if (over) this.logger.log(`${what} works again, ${over}`);
    } catch (error) {
      this.failed(what, error);
    }
  }

  private failed(what: string, err: unknown): void {
    if (err instanceof StoreUnavailable) return this.logger.debug(`${what}: ${ownWords(err)}`);
    if (this.ending.signal.aborted && isAbort(err)) return; // it waited, and was told to stop
    const episode = this.episodes.get(what) ?? new FailureEpisode();
    this.episodes.set(what, episode);
    if (!episode.failed()) return this.logger.debug({ err }, `${what} still fails`);
    this.logger.error({ err }, `${what} failed; the service goes on without it`);
  }
}
