import type { TargetConfig } from '../../common/config/config.schema.js';
import {
  loadsModels,
  type BreakerState,
  type Capability,
  type Provider,
  type TargetStatus,
  type Tier,
  type Timeouts,
} from '../../common/target.js';
import { targetPriceList } from '../../common/prices/price-lists.js';
import type { Price, PriceListName } from '../../common/prices/price.js';
import type { ModelServer } from './adapters/model-server.js';
import type { DrainedTargets } from './drained-targets.js';
import { RecentCalls } from './recent-calls.js';
import { TargetSlots } from './target-slots.js';
import { WarmState } from './warm-state.js';

/** Of these a model may be a deployment in Azure, which is asked for by its own name. */
const NAMES_DEPLOYMENT: ReadonlySet<Provider> = new Set(['azure-openai', 'anthropic']);

/** What is known of a deployment and goes on while the target is described anew: its calls, its state, what they taught. */
class Deployment {
  readonly slots: TargetSlots;
  readonly calls = new RecentCalls();
  readonly warmState = new WarmState();
  breaker: BreakerState = 'closed';
  /** When an open breaker lets a probe through, `performance.now()` milliseconds. */
  probeAt = 0;

  constructor(concurrency: number) {
    this.slots = new TargetSlots(concurrency);
  }
}

/** One target of the catalogue: what was configured, and how it does. Getters, as a decision reads few of them. */
export class LiveTarget implements TargetStatus {
  readonly id: string;
  readonly tier: Tier;
  readonly provider: Provider;
  readonly model: string;
  /** What the server wants in the field `model`; Azure wants the deployment there. */
  readonly upstreamModel: string;
  readonly contextWindow: number | null;
  readonly capabilities: readonly Capability[];
  readonly price: Price | null;
  readonly priceList: PriceListName | null;
  readonly timeouts: Timeouts;
  readonly simulated: boolean;
  readonly takesResponses: boolean;
  readonly deployment: Deployment;
  readonly slots: TargetSlots;
  readonly calls: RecentCalls;
  readonly warmState: WarmState;

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
    this.deployment = before?.deployment ?? new Deployment(config.concurrency);
    ({ slots: this.slots, calls: this.calls, warmState: this.warmState } = this.deployment);
    this.id = config.id;
    this.tier = config.tier;
    this.provider = config.provider;
    this.model = config.model;
    this.upstreamModel = (NAMES_DEPLOYMENT.has(config.provider) && config.deployment) || config.model;
    this.contextWindow = config.contextWindow ?? null;
    this.capabilities = config.capabilities;
    this.price = config.price ?? null;
    this.priceList = targetPriceList(config);
    this.timeouts = config.timeouts;
    this.simulated = config.provider === 'simulated';
    this.takesResponses = server?.takesResponses ?? false;
  }

  /** The target behind a status: every one that `ListTargetsQuery` hands out is one, also when a reload takes it out. */
  static of(status: TargetStatus): LiveTarget {
    if (status instanceof LiveTarget) return status;
    throw new TypeError(`${status.id} does not come from the catalogue`);
  }

  get breaker(): TargetStatus['breaker'] {
    return this.drains.has(this.id) ? 'drained' : this.deployment.breaker;
  }

  get openForMs(): number {
    return this.breaker === 'open' ? Math.max(0, this.deployment.probeAt - performance.now()) : 0;
  }

  /** @param openMs milliseconds until a probe is let through; 0 unless `open` */
  setBreaker(state: BreakerState, openMs: number): void {
    this.deployment.breaker = state;
    this.deployment.probeAt = performance.now() + openMs;
  }

  get warm(): boolean | null {
    return loadsModels(this) ? this.warmState.value : null;
  }
}
