import { apimPolicies } from './apim-policies.js';
import { azurePage } from './azure-page.js';
import { azureProject } from './azure-yaml.js';
import { bicepTemplates } from './azure/bicep.js';
import { checklist } from './checklist.js';
import { dashboards } from './dashboard.js';
import { dockerfile } from './dockerfile.js';
import type { InfraCheck } from './finding.js';
import { kqlAlerts } from './kql-alerts.js';
import { gateQuery } from './kql-gate.js';
import { alertRules, alertTests } from './prometheus-rules.js';
import { runbooks } from './runbooks.js';
import { workbook } from './workbook.js';
import { workflows } from './workflows.js';

/** In the order in which they are run. */
export const CHECKS: readonly InfraCheck[] = [
  alertRules,
  runbooks,
  kqlAlerts,
  gateQuery,
  dashboards,
  workbook,
  apimPolicies,
  dockerfile,
  azureProject,
  workflows,
  bicepTemplates,
  azurePage,
  checklist,
  alertTests,
];
