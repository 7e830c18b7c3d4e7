import { hash } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { deploymentOf } from '../../common/config/target.schema.js';
import type { BreakerState, TargetStatus } from '../../common/target.js';
import type { UpstreamFailure } from '../../common/upstream-failure.js';
import { SetTargetBreakerCommand } from '../models/models.messages.js';
import { RetryBudget } from './retry-budget.js';
import { BreakerOpen, TargetBreaker } from './target-breaker.js';
import { TargetRest } from './target-rest.js';
import { TargetTrouble } from './target-trouble.js';

/** Whether this replica makes the next probe. */
export interface ProbeClaim {
  /** 0 = it does; else milliseconds until the next one; `null` = another one is at it. */
  readonly waitMs: number | null;
  /** To be given back when the probe is not made; `null` where none was given, also while Redis is away. */
  readonly lease: string | null;
}

/** What the replicas tell each other; see `BreakerSharing`. */
export interface GuardsListener {
  /** This replica found out by itself. @param openMs until the next probe, milliseconds; 0 unless `open` */
  breakerChanged(target: TargetStatus, state: BreakerState, openMs: number, probes: number): void;
  restBegan(target: TargetStatus, ms: number): void;
  claimProbe(target: TargetStatus): Promise<ProbeClaim>;
  /** The probe that was to be made under this lease is not made. */
  releaseProbe(target: TargetStatus, lease: string): void;
}

/** What protects one target from us. */
interface TargetGuards {
  readonly target: TargetStatus;
  readonly breaker: TargetBreaker;
  readonly retries: RetryBudget;
  readonly rest: TargetRest;
  readonly trouble: TargetTrouble;
  /** The settings these guards belong to; another address or another limit starts anew. */
  readonly settings: string;
  /** What the replicas call this target among each other. */
  readonly sharedName: string;
}

/**
 * The breaker, the retry budget and the rest of every target. They belong to the deployment and not to its id: calls that
 * began before a reload changed a target say nothing about the new one. A breaker's new state is told to module `models`.
 */
@Injectable()
export class TargetBreakers implements OnApplicationShutdown {
  private readonly background = new BackgroundWork('resilience');
  /** By deployment. */
  private readonly known = new Map<object, TargetGuards>();
  private listener: GuardsListener | null = null;
  /** The change under way comes from another replica. */
  private fromOthers = false;

  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
  ) {
    config.onChange((next) => this.forgetChanged(next));
  }

  of(target: TargetStatus): TargetGuards {
    const known = this.known.get(target.deployment);
    if (known) return known;
    const { current } = this.config;
    const { breaker } = current.resilience;
    const guards = {
      target,
      breaker: new TargetBreaker(breaker, (state, openMs) => this.tell(target, state, openMs)),
      retries: new RetryBudget(),
      rest: new TargetRest(breaker.failures),
      trouble: new TargetTrouble(target.id),
      settings: settingsOf(current, target.id),
      sharedName: sharedNameOf(current, target.id),
    };
    this.known.set(target.deployment, guards);
    return guards;
  }

  /** Calls the target if its breaker lets the call through; one replica probes at a time. @throws BreakerOpen */
  async run<T>(target: TargetStatus, call: () => Promise<T>): Promise<T> {
    const { breaker } = this.of(target);
    if (!breaker.awaitsProbe || !this.listener) return breaker.run(call);
    const lease = await this.claimProbe(target, this.listener);
    // its state may have changed while the claim was on its way
    if (lease !== null && !breaker.awaitsProbe) this.listener.releaseProbe(target, lease);
    return breaker.run(call);
  }

  /** A call failed. @param askedAt when it began, `performance.now()` milliseconds */
  failed(target: TargetStatus, failure: UpstreamFailure, askedAt: number): void {
    const { rest, trouble } = this.of(target);
    trouble.failed(failure);
    const ms = rest.note(failure, askedAt);
    if (ms > 0) this.listener?.restBegan(target, ms);
  }

  listen(listener: GuardsListener): void {
    this.listener = listener;
  }

  /** Another replica found the target failing: open for `forMs` milliseconds, after so many probes. */
  openFor(target: TargetStatus, forMs: number, probes: number): void {
    this.takeOver(target, (breaker) => breaker.openFor(forMs, probes));
  }

  /** Another replica's probe was answered so many milliseconds ago; what was found out since counts more. */
  closedSince(target: TargetStatus, agoMs: number): void {
    const { breaker } = this.of(target);
    if (breaker.state !== 'closed' && breaker.openSinceMs > agoMs) this.takeOver(target, () => breaker.close());
  }

  onApplicationShutdown(): void {
    this.background.cancel();
    for (const { breaker } of this.known.values()) breaker.shutdown();
  }

  /** @returns the lease, if there is one @throws BreakerOpen when another replica makes the probe */
  private async claimProbe(target: TargetStatus, listener: GuardsListener): Promise<string | null> {
    const { waitMs, lease } = await listener.claimProbe(target);
    if (waitMs === 0) return lease;
    if (waitMs !== null) this.openFor(target, waitMs, this.of(target).breaker.probesSoFar);
    throw new BreakerOpen();
  }

  private takeOver(target: TargetStatus, change: (breaker: TargetBreaker) => void): void {
    this.fromOthers = true;
    change(this.of(target).breaker);
    this.fromOthers = false;
  }

  private tell(target: TargetStatus, state: BreakerState, openMs: number): void {
    if (!this.fromOthers) {
      this.listener?.breakerChanged(target, state, openMs, this.of(target).breaker.probesSoFar);
    }
    this.of(target).trouble.breakerIs(state, openMs);
    this.told(target, state, openMs);
  }

  private told(target: TargetStatus, state: BreakerState, openMs: number): void {
    const command = new SetTargetBreakerCommand(target, state, openMs);
    this.background.launch(`telling the breaker state of ${target.id}`, () => this.commands.execute(command));
  }

  private forgetChanged(next: RouterConfig): void {
    for (const [deployment, { target, breaker, settings }] of this.known) {
      if (settingsOf(next, target.id) === settings) continue;
      const { state } = breaker;
      breaker.shutdown();
      this.known.delete(deployment);
      if (state !== 'closed') this.told(target, 'closed', 0); // the target may have stayed, its breaker begins anew
    }
  }
}

function settingsOf({ targets, resilience }: RouterConfig, id: string): string {
  const target = targets.find((entry) => entry.id === id);
  return JSON.stringify([resilience.breaker, target && deploymentOf(target)]);
}

/** An id may stand for another deployment on another replica, while a new configuration is rolled out. */
function sharedNameOf({ targets }: RouterConfig, id: string): string {
  const { provider, baseUrl, endpoint, deployment, apiVersion, model } =
    targets.find((target) => target.id === id) ?? {};
  const place = JSON.stringify([provider, baseUrl, endpoint, deployment, apiVersion, model]);
  return `${id}:${hash('sha256', place).slice(0, 16)}`;
}
