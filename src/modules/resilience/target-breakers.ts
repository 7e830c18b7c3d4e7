import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { deploymentOf } from '../../common/config/target.schema.js';
import type { BreakerState } from '../../common/target.js';
import { SetTargetBreakerCommand } from '../models/models.messages.js';
import { RetryBudget } from './retry-budget.js';
import { TargetBreaker } from './target-breaker.js';

/** What protects one target from us. */
export interface TargetGuards {
  readonly breaker: TargetBreaker;
  readonly retries: RetryBudget;
}

/** @param openMs until the next probe, milliseconds */
export type OwnChangeListener = (target: string, state: BreakerState, openMs: number) => void;

interface KnownTarget extends TargetGuards {
  /** The settings these guards belong to; another address or another limit starts anew. */
  readonly settings: string;
}

/** The breaker and the retry budget of every target. A new state of a breaker is told to module `models`. */
@Injectable()
export class TargetBreakers implements OnApplicationShutdown {
  private readonly logger = new Logger('resilience');
  private readonly background = new BackgroundWork('resilience');
  private readonly known = new Map<string, KnownTarget>();
  private listener: OwnChangeListener = () => undefined;
  /** The change under way comes from another replica. */
  private fromOthers = false;

  constructor(
    private readonly config: LiveConfig,
    private readonly commands: CommandBus,
  ) {
    config.onChange((next) => this.forgetChanged(next));
  }

  of(id: string): TargetGuards {
    const known = this.known.get(id);
    if (known) return known;
    const { current } = this.config;
    const breaker = new TargetBreaker(current.resilience.breaker, (state) => this.tell(id, state));
    const guards = { breaker, retries: new RetryBudget(), settings: settingsOf(current, id) };
    this.known.set(id, guards);
    return guards;
  }

  /** @param listener told what this replica found out by itself; there is one */
  onOwnChange(listener: OwnChangeListener): void {
    this.listener = listener;
  }

  /** Another replica found the target failing. @returns whether it was closed here */
  openFor(id: string, forMs: number): boolean {
    return this.takeOver(id, 'open', (breaker) => breaker.openFor(forMs));
  }

  /** Another replica's probe was answered. */
  close(id: string): void {
    this.takeOver(id, 'closed', (breaker) => breaker.close());
  }

  onApplicationShutdown(): void {
    for (const { breaker } of this.known.values()) breaker.shutdown();
  }

  private takeOver(id: string, state: BreakerState, change: (breaker: TargetBreaker) => void): boolean {
    const { breaker } = this.of(id);
    const before = breaker.state;
    this.fromOthers = true;
    change(breaker);
    this.fromOthers = false;
    return before !== state && breaker.state === state;
  }

  private tell(id: string, state: BreakerState): void {
    if (!this.fromOthers) this.listener(id, state, this.config.current.resilience.breaker.resetSeconds * 1000);
    const words = { open: 'open: no calls for now', half_open: 'half open: the next call probes', closed: 'closed' };
    this.logger[state === 'open' ? 'warn' : 'log'](
      { target: id, breaker: state },
      `breaker of ${id} is ${words[state]}`,
    );
    const command = new SetTargetBreakerCommand(id, state);
    this.background.launch('telling the state of a breaker', () => this.commands.execute(command));
  }

  private forgetChanged(next: RouterConfig): void {
    for (const [id, { breaker, settings }] of this.known) {
      if (settingsOf(next, id) === settings) continue;
      breaker.shutdown();
      this.known.delete(id);
    }
  }
}

function settingsOf({ targets, resilience }: RouterConfig, id: string): string {
  const target = targets.find((entry) => entry.id === id);
  return JSON.stringify([resilience.breaker, target && deploymentOf(target)]);
}
