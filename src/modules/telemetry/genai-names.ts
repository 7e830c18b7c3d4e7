/**
 * Names of OpenTelemetry's semantic conventions for generative AI. They are still moving; this is the one place to change.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/
 */
export const GEN_AI = {
  operation: 'gen_ai.operation.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
} as const;

/** Attributes of our own. */
export const ROUTER = {
  requestId: 'router.request_id',
  target: 'router.target',
  tier: 'router.tier',
  strategy: 'router.strategy',
  reason: 'router.reason',
  outcome: 'router.outcome',
  fallback: 'router.fallback',
  cache: 'router.cache',
  cost: 'router.cost_usd',
} as const;
