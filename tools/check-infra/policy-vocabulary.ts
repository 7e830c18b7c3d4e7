/** What a value may be. `expression` may be one of C#, and is text otherwise. */
export type ValueKind = 'boolean' | 'integer' | 'text' | 'expression' | 'integer or expression' | readonly string[];

interface AttributeRule {
  readonly kind: ValueKind;
  readonly required?: true;
}

export interface ElementRule {
  /** The elements that it may stand in; of a policy, the sections too. */
  readonly in: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeRule>>;
  /** Whether text stands in it; then it must. */
  readonly text?: true;
  /** What has to stand in it. */
  readonly children?: readonly string[];
}

export const SECTIONS = ['inbound', 'backend', 'outbound', 'on-error'] as const;
/** What holds policies inside a section. */
const BRANCHES = ['when', 'otherwise'] as const;

const required = (kind: ValueKind): AttributeRule => ({ kind, required: true });
const optional = (kind: ValueKind): AttributeRule => ({ kind });

/**
 * The policies that this project uses, after the reference of Azure API Management as of 27 Nov 2026: sections, attributes
 * and whether an expression is allowed in each. All of them are there in the v2 tiers. A further one is looked up and added.
 */
const VOCABULARY: Readonly<Record<string, ElementRule>> = {
  base: { in: SECTIONS },
  choose: { in: [...SECTIONS, ...BRANCHES], children: ['when'] },
  when: { in: ['choose'], attributes: { condition: required('expression') } },
  otherwise: { in: ['choose'] },
  'set-variable': {
    in: [...SECTIONS, ...BRANCHES],
    attributes: { name: required('text'), value: required('expression') },
  },
  'set-header': {
    in: [...SECTIONS, ...BRANCHES, 'return-response'],
    attributes: { name: required('text'), 'exists-action': required(['override', 'skip', 'append', 'delete']) },
  },
  value: { in: ['set-header', 'check-header'], text: true },
  'check-header': {
    in: ['inbound'],
    attributes: {
      name: required('text'),
      'failed-check-httpcode': required('integer'),
      'failed-check-error-message': required('text'),
      'ignore-case': required('boolean'),
    },
  },
  'validate-jwt': {
    in: ['inbound', ...BRANCHES],
    children: ['openid-config', 'audiences', 'issuers'],
    attributes: {
      'header-name': required('text'),
      'require-scheme': required('text'),
      'require-expiration-time': required(['true']),
      'require-signed-tokens': required(['true']),
      'clock-skew': optional('integer'),
      'failed-validation-httpcode': optional('integer'),
      'output-token-variable-name': required('text'),
    },
  },
  'openid-config': { in: ['validate-jwt'], attributes: { url: required('text') } },
  audiences: { in: ['validate-jwt'], children: ['audience'] },
  audience: { in: ['audiences'], text: true },
  issuers: { in: ['validate-jwt'], children: ['issuer'] },
  issuer: { in: ['issuers'], text: true },
  // With an expression in increment-condition or increment-count it counts only after the answer: not on the list.
  'rate-limit-by-key': {
    in: ['inbound', ...BRANCHES],
    attributes: {
      calls: required('integer or expression'),
      'renewal-period': required('integer'),
      'counter-key': required('expression'),
      'retry-after-variable-name': required('text'),
    },
  },
  'set-backend-service': {
    in: ['inbound', 'backend', ...BRANCHES],
    attributes: { 'backend-id': optional('expression'), 'base-url': optional('expression') },
  },
  'llm-emit-token-metric': {
    in: ['inbound', ...BRANCHES],
    attributes: { namespace: required('text') },
    children: ['dimension'],
  },
  dimension: {
    in: ['llm-emit-token-metric'],
    attributes: { name: required('text'), value: optional('expression') },
  },
  'cache-lookup': {
    in: ['inbound', ...BRANCHES],
    attributes: {
      'vary-by-developer': required('boolean'),
      'vary-by-developer-groups': required('boolean'),
      'caching-type': required(['internal']),
      'downstream-caching-type': required(['none', 'private', 'public']),
      'must-revalidate': required('boolean'),
      'allow-private-response-caching': required('boolean'),
    },
  },
  'vary-by-header': { in: ['cache-lookup'], text: true },
  'cache-store': { in: ['outbound', ...BRANCHES], attributes: { duration: required('integer') } },
  'forward-request': {
    in: ['backend'],
    attributes: {
      timeout: required('integer'),
      'buffer-response': required('boolean'),
      'buffer-request-body': required(['false']),
      'follow-redirects': required(['false']),
      'fail-on-error-status-code': required(['false']),
    },
  },
  'return-response': { in: [...SECTIONS, ...BRANCHES], children: ['set-status', 'set-body'] },
  'set-status': {
    in: ['return-response'],
    attributes: { code: required('integer or expression'), reason: required('text') },
  },
  'set-body': { in: ['return-response'], text: true },
};

export const ELEMENTS: ReadonlyMap<string, ElementRule> = new Map(Object.entries(VOCABULARY));

/** What somebody may think of, and why not. */
const WHY_NOT: Readonly<Record<string, string>> = {
  retry: 'The router retries, and knows what was already sent; a second layer multiplies its retries.',
  cors: 'Pages of other origins are let in by server.corsOrigins of the router, if at all.',
  'quota-by-key': 'The v2 tiers do not have it; the router counts tokens and money.',
  'validate-content': 'It collects the body, which holds streams back; the router checks bodies.',
  'find-and-replace': 'It collects the body, which holds streams back.',
  'log-to-eventhub': 'Requests are logged by the router, without what people wrote.',
  trace: 'Requests are logged by the router, without what people wrote.',
  'emit-metric': "Metrics are the router's; tokens at the gateway: llm-emit-token-metric.",
  'azure-openai-emit-token-metric': 'The backend is not Azure OpenAI: llm-emit-token-metric.',
};

export const REFUSED: ReadonlyMap<string, string> = new Map(Object.entries(WHY_NOT));
