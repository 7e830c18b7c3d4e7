import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import type { Delivery } from '../alerts/alert-webhook.js';
import type { BudgetScope } from '../alerts/budget-alert.js';
import { MetricRegistry } from './metric-registry.js';

/** What came of budgets that are nearly used up. */
@Injectable()
export class AlertMeters {
  private readonly alerts: Counter;
  private readonly deliveries: Counter;

  constructor(metrics: MetricRegistry) {
    this.alerts = metrics.counter('router_budget_alerts_total', 'Budgets used up to a threshold.', [
      ...['scope', 'threshold'],
    ]);
    this.deliveries = metrics.counter(
      'router_budget_alert_deliveries_total',
      'Messages to limits.alertUrl: delivered, failed, dropped.',
      ['result'],
    );
  }

  reached(scope: BudgetScope, threshold: number): void {
    this.alerts.inc({ scope, threshold: String(threshold) });
  }

  delivery(result: Delivery): void {
    this.deliveries.inc({ result });
  }
}
