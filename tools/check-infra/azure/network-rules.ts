import { at, closed, dev, every, list, ofType, regionsOf, same, type Rule } from './rule.js';

const ENDPOINT = 'Microsoft.Network/privateEndpoints';
const ZONE = 'Microsoft.Network/privateDnsZones';
const GROUP = 'Microsoft.Network/networkSecurityGroups';
const IDENTITY = 'Microsoft.ManagedIdentity/userAssignedIdentities';
/** Everything that is reached through the network, by the name that Azure has for that part of it. */
const REACHED = ['Gateway', 'Sql', 'account', 'azuremonitor', 'redisEnterprise', 'registry', 'table', 'vault'];
/** Who may come in; in dev the internet, too. */
const ALLOWED_SOURCES = ['AzureLoadBalancer', 'VirtualNetwork'];
/** What the identities may do, each with one kind of resource: its role, as the portal calls it, and where it holds. */
const LEAST_ROLES = new Map([
  ['7f951dda-4ed3-4680-a7ca-43fe172d538d', ['AcrPull', 'Microsoft.ContainerRegistry/registries']],
  ['5e0bd9bd-7b93-4f28-af87-19fc36ad61bd', ['Cognitive Services OpenAI User', 'Microsoft.CognitiveServices/accounts']],
  ['4633458b-17de-408a-b874-0445c86b69e6', ['Key Vault Secrets User', 'Microsoft.KeyVault/vaults']],
  ['0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3', ['Storage Table Data Contributor', 'Microsoft.Storage/storageAccounts']],
  ['3913510d-42f4-4e42-8a64-420c390055eb', ['Monitoring Metrics Publisher', 'Microsoft.Insights/components']],
]);
const ROLE = 'Microsoft.Authorization/roleAssignments';
/** What an assignment is made on, before its own name. */
const placeOf = ({ id }: { readonly id: string }): string => id.split(ROLE)[0] ?? '';
const roleOf = (assignment: unknown): string =>
  String(at(assignment, 'properties.roleDefinitionId')).split('/').at(-1) ?? '';

export const NETWORK_RULES: readonly Rule[] = [
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
    const sources = rules
      .filter((rule) => at(rule, 'properties.access') === 'Allow')
      .map((rule) => String(at(rule, 'properties.sourceAddressPrefix')));
    return (
      rules.some((rule) => at(rule, 'properties.access') === 'Deny' && at(rule, 'properties.priority') === 4000) &&
      same(sources.sort(), [...ALLOWED_SOURCES, ...(dev(deployment) ? ['Internet'] : [])].sort())
    );
  }),
  {
    says: 'there is one identity',
    type: IDENTITY,
    broken: (deployment) =>
      ofType(deployment, IDENTITY).length === 1 ? [] : [`${ofType(deployment, IDENTITY).length} of them`],
  },
  {
    says: 'nobody has a role but the least ones, each on one resource, and each of those is given',
    type: ROLE,
    broken: (deployment) => {
      const given = ofType(deployment, ROLE);
      const roles = given.map(roleOf);
      return [
        ...given
          .filter((assignment) => !placeOf(assignment).includes(LEAST_ROLES.get(roleOf(assignment))?.[1] ?? '?'))
          .map((assignment) => LEAST_ROLES.get(roleOf(assignment))?.[0] ?? roleOf(assignment)),
        ...[...LEAST_ROLES].filter(([role]) => !roles.includes(role)).map(([, [name = '']]) => name),
      ];
    },
  },
];
