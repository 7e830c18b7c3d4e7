import type { TargetConfig } from '../../common/config/config.schema.js';
import {
  loadsModels,
  type BreakerState,
  type Capability,
  type LastError,
  type Price,
  type Provider,
  type TargetStatus,
  type Tier,
  type Timeouts,
} from '../../common/target.js';
import type { ModelServer } from './adapters/model-server.js';
import type { DrainedTargets } from './drained-targets.js';
import { RecentCalls, TargetSlots } from './target-load.js';
import { WarmState } from './warm-state.js';

/** One target of the catalogue: what was configured, and how it does. Getters, as a decision reads few of them. */
export class LiveTarget implements TargetStatus {
  readonly id: string;
  readonly tier: Tier;
  readonly provider: Provider;
  readonly model: string;
  /** What the server wants in the field `model`; Azure's v1 API wants the deployment there. */
  readonly upstreamModel: string;
  readonly contextWindow: number | null;
  readonly capabilities: readonly Capability[];
  readonly price: Price | null;
  readonly timeouts: Timeouts;
  readonly simulated: boolean;
  readonly slots: TargetSlots;
  readonly calls: RecentCalls;
  readonly warmState: WarmState;
  breakerState: BreakerState;

  /**
   * @param server `null` for a simulated target
   * @param before the same deployment as it was described until now: its calls, its state and what they taught go on
   */
  constructor(
    readonly config: TargetConfig,
    readonly server: ModelServer | null,
    private readonly drains: DrainedTargets,
    before: LiveTarget | null = null,
  ) {
    this.slots = before?.slots ?? new TargetSlots(config.concurrency);
    this.calls = before?.calls ?? new RecentCalls();
    this.warmState = before?.warmState ?? new WarmState();
    this.breakerState = before?.breakerState ?? 'closed';
    this.id = config.id;
    this.tier = config.tier;
    this.provider = config.provider;
    this.model = config.model;
    this.upstreamModel = (config.provider === 'azure-openai' && config.deployment) || config.model;
    this.contextWindow = config.contextWindow ?? null;
    this.capabilities = config.capabilities;
    this.price = config.price ?? null;
    this.timeouts = config.timeouts;
    this.simulated = config.provider === 'simulated';
  }

  get breaker(): TargetStatus['breaker'] {
    return this.drains.has(this.id) ? 'drained' : this.breakerState;
  }

  get warm(): boolean | null {
    return loadsModels(this) ? this.warmState.value : null;
  }

  get inFlight(): number {
    return this.slots.inFlight;
  }

  get queued(): number {
    return this.slots.queued;
  }

  get ttftMs(): TargetStatus['ttftMs'] {
    return { p50: this.calls.firstTokenPercentile(0.5), p95: this.calls.firstTokenPercentile(0.95) };
  }

  get errorRate(): number {
    return this.calls.errorRate;
  }

  get lastError(): LastError | null {
    return this.calls.lastError;
  }
}
