import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NAMED_VALUES } from '../policy-expressions.js';
import { at, closed, dev, every, has, list, ofType, regionsOf, same, withApp, type Rule } from './rule.js';
import type { Deployment } from './deployment.js';

const APIM = 'Microsoft.ApiManagement/service';
const DOOR = 'Microsoft.Cdn/profiles';
const WAF = 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies';
const ENDPOINT = 'Microsoft.Network/privateEndpoints';
const ZONE = 'Microsoft.Network/privateDnsZones';
const GROUP = 'Microsoft.Network/networkSecurityGroups';
/** Everything that is reached through the network, by the name that Azure has for that part of it. */
const REACHED = ['Gateway', 'Sql', 'account', 'azuremonitor', 'redisEnterprise', 'registry', 'table', 'vault'];
const BODIES = ['frontend.request', 'frontend.response', 'backend.request', 'backend.response'];
/** What the identity may do: pull images, ask models, read secrets, tables, send telemetry. */
const LEAST_ROLES = new Map([
  ['7f951dda-4ed3-4680-a7ca-43fe172d538d', 'AcrPull'],
  ['5e0bd9bd-7b93-4f28-af87-19fc36ad61bd', 'Cognitive Services OpenAI User'],
  ['4633458b-17de-408a-b874-0445c86b69e6', 'Key Vault Secrets User'],
  ['0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3', 'Storage Table Data Contributor'],
  ['3913510d-42f4-4e42-8a64-420c390055eb', 'Monitoring Metrics Publisher'],
]);
const ROLE = 'Microsoft.Authorization/roleAssignments';
const roleOf = (assignment: unknown): string =>
  String(at(assignment, 'properties.roleDefinitionId')).split('/').at(-1) ?? '';

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
      at(backend, 'properties.tls.validateCertificateChain') === true,
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
    says: 'the gateway has every operation with its policy',
    type: `${APIM}/apis/operations/policies`,
    broken: (deployment) => {
      const suffixes = (type: string) => ofType(deployment, type).map(({ name }) => name.split('/'));
      const made = new Set(suffixes(`${APIM}/apis/operations`).map((parts) => parts.at(-1)));
      const guarded = new Set(suffixes(`${APIM}/apis/operations/policies`).map((parts) => parts.at(-2)));
      return operations(deployment)
        .filter(({ name, policy }) => !made.has(name) || (policy !== '') !== guarded.has(name))
        .map(({ name }) => name);
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
  every(`${DOOR}/securityPolicies`, 'the firewall stands in front of everything', (policy) =>
    same(at(policy, 'properties.parameters.associations.0.patternsToMatch'), ['/*']),
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
      list(policy, 'properties.customRules.rules').some((rule) => at(rule, 'ruleType') === 'RateLimitRule')
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
      closed(deployment) === (at(origin, 'properties.sharedPrivateLinkResource.groupId') === 'Gateway'),
  ),
  {
    says: 'staging and prod reach everything through the network, in each region, and dev nothing',
    type: ENDPOINT,
    broken: (deployment) => {
      const found = ofType(deployment, ENDPOINT)
        .flatMap((endpoint) => list(endpoint, 'properties.privateLinkServiceConnections.0.properties.groupIds'))
        .sort();
      const wanted = closed(deployment)
        ? REACHED.flatMap((part) => Array<string>(regionsOf(deployment)).fill(part))
        : [];
      return same(found, wanted)
        ? []
        : [`${found.join(', ') || 'nothing'} instead of ${wanted.join(', ') || 'nothing'}`];
    },
  },
  {
    says: 'what is reached through the network has its name there',
    type: ZONE,
    in: closed,
    broken: (deployment) => {
      const groups = ofType(deployment, `${ENDPOINT}/privateDnsZoneGroups`);
      const empty = groups.filter((group) => list(group, 'properties.privateDnsZoneConfigs').length === 0);
      const unlinked = ofType(deployment, ZONE).length - ofType(deployment, `${ZONE}/virtualNetworkLinks`).length;
      const missing = ofType(deployment, ENDPOINT).length - groups.length;
      return [...empty.map(({ name }) => name), ...(unlinked || missing ? ['a zone without a link'] : [])];
    },
  },
  every(GROUP, 'what nobody may do is refused', (group, deployment) => {
    const rules = list(group, 'properties.securityRules');
    const fromInternet = rules.some((rule) => at(rule, 'properties.sourceAddressPrefix') === 'Internet');
    return (
      rules.some((rule) => at(rule, 'properties.access') === 'Deny' && at(rule, 'properties.priority') === 4000) &&
      fromInternet === dev(deployment)
    );
  }),
  {
    says: 'there is one identity',
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    broken: countIs('Microsoft.ManagedIdentity/userAssignedIdentities', () => 1),
  },
  {
    says: 'nobody has a role but the least ones, and each of those is given',
    type: ROLE,
    broken: (deployment) => {
      const given = ofType(deployment, ROLE).map(roleOf);
      return [
        ...given.filter((role) => !LEAST_ROLES.has(role)),
        ...[...LEAST_ROLES].filter(([role]) => !given.includes(role)).map(([, name]) => name),
      ];
    },
  },
];
