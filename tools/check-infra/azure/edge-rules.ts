import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NAMED_VALUES } from '../policy-expressions.js';
import { at, closed, dev, every, has, list, ofType, regionsOf, same, withApp, type Rule } from './rule.js';
import type { Deployment } from './deployment.js';

const APIM = 'Microsoft.ApiManagement/service';
const DOOR = 'Microsoft.Cdn/profiles';
const WAF = 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies';
const BODIES = ['frontend.request', 'frontend.response', 'backend.request', 'backend.response'];
interface Operation {
  readonly name: string;
  readonly policy: string;
}
const policyFile = ({ root }: Deployment, name: string): string =>
  readFileSync(join(root, 'infra', 'apim', name), 'utf8');
const operations = (deployment: Deployment): Operation[] =>
  JSON.parse(policyFile(deployment, 'operations.json')) as Operation[];
/** One of each kind in each region. */
const countIs =
  (type: string, wanted: (deployment: Deployment) => number) =>
  (deployment: Deployment): string[] => {
    const found = ofType(deployment, type).length;
    return found === wanted(deployment) ? [] : [`${found} instead of ${wanted(deployment)}`];
  };

export const EDGE_RULES: readonly Rule[] = [
  {
    says: 'each region has a gateway',
    type: APIM,
    broken: countIs(APIM, regionsOf),
  },
  has(APIM, 'the gateway of dev is the small one', { 'sku.name': 'BasicV2' }, dev),
  every(
    APIM,
    'the gateway reaches into the network in staging and prod',
    (service) =>
      at(service, 'sku.name') === 'StandardV2' &&
      at(service, 'properties.virtualNetworkType') === 'External' &&
      at(service, 'properties.virtualNetworkConfiguration.subnetResourceId') !== undefined,
    closed,
  ),
  every(
    APIM,
    'the gateway closes its door to the internet once it has another: with the second pass',
    (service, deployment) =>
      at(service, 'properties.publicNetworkAccess') ===
      (closed(deployment) && withApp(deployment) && !('GATEWAY_PUBLIC_ACCESS' in deployment.variables)
        ? 'Disabled'
        : 'Enabled'),
  ),
  every(
    `${APIM}/backends`,
    'the backend has one breaker rule, which looks again after 10 s',
    (backend) =>
      list(backend, 'properties.circuitBreaker.rules').length === 1 &&
      at(backend, 'properties.circuitBreaker.rules.0.tripDuration') === 'PT10S' &&
      at(backend, 'properties.tls.validateCertificateChain') === true &&
      at(backend, 'properties.tls.validateCertificateName') === true,
  ),
  every(
    `${APIM}/apis`,
    'the API is HTTPS alone, at the root, and asks for no key of the gateway',
    (api) =>
      same(at(api, 'properties.protocols'), ['https']) &&
      at(api, 'properties.path') === '' &&
      at(api, 'properties.subscriptionRequired') === false,
  ),
  {
    says: 'the gateway has every value that the policies read, and no other; none is a secret',
    type: `${APIM}/namedValues`,
    broken: (deployment) => {
      const values = ofType(deployment, `${APIM}/namedValues`);
      const names = new Set(values.map(({ name }) => name.split('/').at(-1) ?? ''));
      return [
        ...[...NAMED_VALUES].filter((name) => !names.has(name)),
        ...[...names].filter((name) => !NAMED_VALUES.some((known) => known === name)),
        ...values.filter((value) => at(value, 'properties.secret') !== false).map(({ name }) => name),
      ];
    },
  },
  {
    says: 'the gateway has every operation with its policy, and no other',
    type: `${APIM}/apis/operations/policies`,
    broken: (deployment) => {
      const suffixes = (type: string) => ofType(deployment, type).map(({ name }) => name.split('/'));
      const made = suffixes(`${APIM}/apis/operations`).map((parts) => parts.at(-1) ?? '');
      const texts = new Map(
        ofType(deployment, `${APIM}/apis/operations/policies`).map((policy) => [
          policy.name.split('/').at(-2),
          at(policy, 'properties.value'),
        ]),
      );
      const wanted = operations(deployment);
      const known = new Set(wanted.map(({ name }) => name));
      const text = (policy: string): unknown => (policy === '' ? undefined : policyFile(deployment, policy));
      return [
        ...wanted
          .filter(({ name, policy }) => !made.includes(name) || texts.get(name) !== text(policy))
          .map(({ name }) => name),
        ...made.filter((name) => !known.has(name)),
      ];
    },
  },
  every(
    `${APIM}/policies`,
    'the policy of all APIs is infra/apim/global.xml',
    (policy, deployment) =>
      at(policy, 'properties.format') === 'xml' &&
      at(policy, 'properties.value') === policyFile(deployment, 'global.xml'),
  ),
  every(
    `${APIM}/apis/policies`,
    'the policy of the API is infra/apim/api.xml',
    (policy, deployment) => at(policy, 'properties.value') === policyFile(deployment, 'api.xml'),
  ),
  every(
    `${APIM}/apis/diagnostics`,
    'the gateway logs no byte of a body and no header, and gives out token metrics',
    (diagnostic) =>
      at(diagnostic, 'properties.metrics') === true &&
      BODIES.every(
        (side) =>
          at(diagnostic, `properties.${side}.body.bytes`) === 0 &&
          same(at(diagnostic, `properties.${side}.headers`), []),
      ),
  ),
  has(DOOR, 'Front Door is Premium, and waits as long as Azure lets a connection be silent', {
    'sku.name': 'Premium_AzureFrontDoor',
    'properties.originResponseTimeoutSeconds': 240,
  }),
  every(
    `${DOOR}/securityPolicies`,
    'the firewall stands in front of everything: of the one endpoint, all paths',
    (policy, deployment) =>
      same(at(policy, 'properties.parameters.associations.0.patternsToMatch'), ['/*']) &&
      list(policy, 'properties.parameters.associations.0.domains').length === 1 &&
      ofType(deployment, `${DOOR}/afdEndpoints`).length === 1,
  ),
  has(WAF, 'the firewall refuses, and does not only tell', {
    'properties.policySettings.mode': 'Prevention',
    'properties.policySettings.enabledState': 'Enabled',
    'sku.name': 'Premium_AzureFrontDoor',
  }),
  every(WAF, 'the firewall knows attacks and bots, leaves the text of prompts alone and stops floods', (policy) => {
    const sets = list(policy, 'properties.managedRules.managedRuleSets');
    return (
      same(
        sets.map((set) => at(set, 'ruleSetType')),
        ['Microsoft_DefaultRuleSet', 'Microsoft_BotManagerRuleSet'],
      ) &&
      same(at(sets[0], 'exclusions.0.matchVariable'), 'RequestBodyJsonArgNames') &&
      same(
        list(policy, 'properties.customRules.rules').map((rule) => [at(rule, 'ruleType'), at(rule, 'action')]),
        [['RateLimitRule', 'Block']],
      )
    );
  }),
  has(`${DOOR}/originGroups`, 'Front Door asks each gateway whether the service is ready', {
    'properties.healthProbeSettings.probePath': '/ready',
    'properties.healthProbeSettings.probeRequestType': 'GET',
    'properties.healthProbeSettings.probeProtocol': 'Https',
    'properties.sessionAffinityState': 'Disabled',
  }),
  every(
    `${DOOR}/afdEndpoints/routes`,
    'Front Door takes HTTPS alone on, and keeps no answer',
    (route) =>
      at(route, 'properties.httpsRedirect') === 'Enabled' &&
      at(route, 'properties.forwardingProtocol') === 'HttpsOnly' &&
      at(route, 'properties.cacheConfiguration') === undefined,
  ),
  {
    says: 'Front Door knows the gateway of each region, one after the other',
    type: `${DOOR}/originGroups/origins`,
    broken: (deployment) => {
      const priorities = ofType(deployment, `${DOOR}/originGroups/origins`).map((it) => at(it, 'properties.priority'));
      return same(priorities, [1, 2].slice(0, regionsOf(deployment))) ? [] : [`priorities ${priorities.join(', ')}`];
    },
  },
  every(
    `${DOOR}/originGroups/origins`,
    'Front Door reaches gateways by private link in staging and prod',
    (origin, deployment) =>
      at(origin, 'properties.enforceCertificateNameCheck') === true &&
      closed(deployment) === (at(origin, 'properties.sharedPrivateLinkResource.groupId') === 'Gateway'),
  ),
];
