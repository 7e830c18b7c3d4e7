import type { CommandBus } from '@nestjs/cqrs';
import { AttemptLog } from '../../common/attempt.js';
import { Budget } from '../../common/budget.js';
import type { ChatChunk, ChatRequest } from '../../common/chat.js';
import { IteratedStream } from '../../common/chunk-stream.js';
import type { LiveConfig } from '../../common/config/live-config.js';
import type { TargetStatus } from '../../common/target.js';
import { BegunAnswer } from './begun-answer.js';
import { Candidates } from './candidates.js';
import type { ModelCalls } from './resilience.messages.js';
import { TargetBreakers } from './target-breakers.js';
import type { Attempt, AttemptOptions } from './target-calls.js';

const CONFIG = { targets: [], resilience: { breaker: { failures: 5, resetSeconds: 1 } } };
const TIMEOUTS = { connectMs: 100, firstTokenMs: 50, idleMs: 100, plainMs: 1_000, totalMs: 1_000, loadMs: 1_000 };

/** A target that is well. */
export const targetNamed = (id: string, changes: Partial<TargetStatus> = {}): TargetStatus =>
  ({
    ...{ id, tier: 'cloud', provider: 'openai', model: id, contextWindow: null, capabilities: [], price: null },
    ...{ timeouts: TIMEOUTS, simulated: false, deployment: {}, breaker: 'closed', openForMs: 0, warm: true },
    ...changes,
  }) as TargetStatus;

/** What a call of one target comes to: the text of an answer, one that breaks off after it, or a failure. */
export type Script = string | Error | { readonly text: string; readonly cut: Error };

const chunkOf = (content: string, finish: string | null = null): ChatChunk => {
  const json = { id: 'c', model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: finish }] };
  return { frames: [{ text: JSON.stringify(json), json }] };
};

/** One request with real candidates and guards, whose attempts are made up. */
export class FakeAttempts {
  readonly guards: TargetBreakers;
  readonly calls: ModelCalls;
  readonly candidates: Candidates;
  /** Targets in the order they were asked, with the text they were to go on from. */
  readonly asked: [target: string, partialAnswer: string | null][] = [];
  /** Targets whose call was given up. */
  readonly abandoned: string[] = [];

  /** @param scripts by target, one a call; the last one again and again */
  constructor(
    targets: readonly TargetStatus[],
    private readonly scripts: Readonly<Record<string, readonly (Script | Promise<Script>)[]>>,
    request: Partial<ChatRequest> = {},
    retries = 0,
  ) {
    const config = { current: CONFIG, onChange: () => undefined } as unknown as LiveConfig;
    this.guards = new TargetBreakers(config, { execute: async () => undefined } as unknown as CommandBus);
    this.calls = {
      candidates: targets,
      down: [],
      request: { model: 'auto', messages: [], stream: true, ...request },
      history: [],
      attempts: new AttemptLog(),
      budget: new Budget(performance.now(), 10_000, retries),
      signal: new AbortController().signal,
      trace: null,
    };
    this.candidates = new Candidates(this.calls, this.guards);
  }

  /** In place of `TargetCalls`. */
  readonly attempt: Attempt = async (target: TargetStatus, { signal, partialAnswer }: AttemptOptions) => {
    const scripts = this.scripts[target.id] ?? [];
    const before = this.asked.filter(([id]) => id === target.id).length;
    this.asked.push([target.id, partialAnswer]);
    const attempt = this.calls.attempts.begin(target.id);
    const gone = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => gone.reject(signal.reason), { once: true });
    try {
      const script = await Promise.race([scripts[before] ?? scripts.at(-1)!, gone.promise]);
      if (script instanceof Error) throw script;
      const [text, cut] = typeof script === 'string' ? [script, null] : [script.text, script.cut];
      const stream = new FakeStream(this.abandoned, target.id, text, cut);
      const answer = new BegunAnswer({ target, attempt, guards: this.guards, whole: false, beforeMs: 0 }, stream);
      await answer.begun;
      return answer;
    } catch (error) {
      if (signal.aborted) this.abandoned.push(target.id);
      throw error;
    }
  };
}

/** The text in one chunk, and its end. */
class FakeStream extends IteratedStream {
  readonly upstreamMs = 0;
  readonly isSent = true;

  constructor(
    private readonly abandoned: string[],
    private readonly target: string,
    private readonly text: string,
    private readonly cut: Error | null,
  ) {
    super();
    if (text === '') throw new Error('an answer begins with content');
  }

  override abandon(): void {
    this.abandoned.push(this.target);
    super.abandon();
  }

  protected async *chunks() {
    yield chunkOf(this.text);
    if (this.cut) throw this.cut;
    yield chunkOf('', 'stop');
  }
}
