import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { EventsHandler, type IEventHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../../common/config/live-config.js';
import { redact } from '../../../common/logging/redact.js';
import { BudgetThresholdReachedEvent } from '../../quota/quota.messages.js';
import { postMessage } from '../adapters/http.post-message.js';
import { AlertMeters } from '../metrics/alert-meters.js';
import { AlertWebhook } from './alert-webhook.js';
import { alertOf, scopeOf } from './budget-alert.js';

const shown = (name: string | null): string | null => (name === null ? null : redact(name));

/** A budget is nearly used up: a metric, a line in the log and, where it is configured, a message to `limits.alertUrl`. */
@Injectable()
@EventsHandler(BudgetThresholdReachedEvent)
export class TellBudgetThresholdHandler implements IEventHandler<BudgetThresholdReachedEvent>, OnApplicationShutdown {
  private readonly logger = new Logger('alerts');
  private readonly webhook: AlertWebhook;

  constructor(
    config: LiveConfig,
    private readonly metrics: AlertMeters,
  ) {
    const receiver = () => config.current.limits;
    this.webhook = new AlertWebhook(postMessage, receiver, (delivery) => metrics.delivery(delivery));
  }

  handle({ reached }: BudgetThresholdReachedEvent): void {
    const alert = alertOf(reached, Date.now());
    const { tenant, user, model, type: _type, ...figures } = alert;
    const scope = scopeOf(reached.owner);
    this.metrics.reached(scope, alert.threshold);
    // the names of tokens come from their claims
    const names = { tenant: shown(tenant), user: shown(user), model: shown(model) };
    this.logger.warn({ scope, ...names, ...figures }, 'a budget is nearly used up');
    this.webhook.send(alert);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.webhook.stop();
  }
}
