import type { ChatFrame } from '../../common/chat.js';
import type { Usage } from '../../common/usage.js';
import type { CachedAnswer } from '../cache/cache.messages.js';
import { ReplayedChunks, replayFrames } from './completion-replay.js';
import { NO_CHARGE, type Charge, type GivenAnswer } from './given-answer.js';
import type { Participant } from './participant.js';

/** An answer that was made before, or by another replica, as one request gets it. */
export class ReplayedAnswer extends ReplayedChunks implements GivenAnswer {
  readonly endsWithCaller = true;
  readonly contextWindow = null;
  readonly decision = null;
  readonly madeIn = null;
  readonly attempts = [];
  readonly costUsd = 0;
  override readonly upstreamMs: number;
  private readonly whole: ChatFrame;
  private readonly reasonCode: string;

  /**
   * @param isStream the form it goes out in
   * @param isShared whether it was waited for while another replica made it
   * @param part in the generation that has found it; `null` = it was here
   * @param afterwards is called when the request has ended
   */
  constructor(
    private readonly kept: CachedAnswer,
    isStream: boolean,
    isShared: boolean,
    private readonly part: Participant | null,
    private readonly afterwards: (() => void) | null = null,
  ) {
    const whole = kept.replay();
    super([{ frames: isStream ? replayFrames(whole) : [whole] }]);
    this.whole = whole;
    this.upstreamMs = isShared && part ? part.waitedMs : 0;
    this.reasonCode = isShared ? 'cache_shared' : 'cache_hit';
  }

  get route(): GivenAnswer['route'] {
    const { target, tier, model, simulated } = this.kept;
    return { target, tier, model, simulated, reasonCode: this.reasonCode, fallback: false, recovered: false };
  }

  get usage(): Usage | null {
    return this.kept.usage;
  }

  get saved(): GivenAnswer['saved'] {
    return { usd: this.kept.costUsd ?? 0, ms: this.kept.tookMs };
  }

  completion(): ChatFrame {
    return this.whole;
  }

  leave(): Charge {
    this.afterwards?.();
    return this.part?.leave() ?? NO_CHARGE;
  }
}
