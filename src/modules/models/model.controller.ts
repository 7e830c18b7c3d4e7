import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { InvalidApiKey, InvalidRequest, ModelNotFound, PermissionDenied } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { STRATEGIES, type ModelConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { ERROR_FORM } from '../../common/http/api-document.js';
import { speaksAnthropic } from '../../common/http/anthropic-error.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { TIERS, type TargetStatus } from '../../common/target.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import {
  PAGE_DOCS,
  anthropicListSchema,
  anthropicModel,
  anthropicModels,
  anthropicModelSchema,
  type PageQuery,
} from './anthropic-model-list.js';
import { TargetCatalogue } from './target-catalogue.js';

const CREATED = Math.floor(Date.now() / 1000); // OpenAI's field; the names exist since this start

const modelExample = {
  id: 'auto',
  object: 'model',
  created: 1_790_000_000,
  owned_by: 'hybrid-llm-router',
  kind: 'model',
  strategy: 'hybrid',
  targets: ['local', 'gpt-large'],
  simulated: false,
};

const targetExample = {
  id: 'local',
  object: 'model',
  created: 1_790_000_000,
  owned_by: 'hybrid-llm-router',
  kind: 'target',
  tier: 'local',
  model: 'llama3.2',
  context_window: 8192,
  capabilities: ['tools', 'json'],
  simulated: false,
};

const named = {
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('Unix seconds.'),
  owned_by: z.string(),
  simulated: z.boolean(),
};
const nameSchema = z.discriminatedUnion('kind', [
  z.object({ ...named, kind: z.literal('model'), strategy: z.enum(STRATEGIES), targets: z.array(z.string()) }),
  z.object({
    ...named,
    kind: z.literal('target'),
    tier: z.enum(TIERS),
    model: z.string(),
    context_window: z.int().nullable().describe('Tokens; null = unknown.'),
    capabilities: z.array(z.string()),
  }),
]);
const listSchema = z.union([z.object({ object: z.literal('list'), data: z.array(nameSchema) }), anthropicListSchema]);
const oneSchema = z.union([nameSchema, anthropicModelSchema]);

const head = (id: string) => ({ id, object: 'model', created: CREATED, owned_by: 'hybrid-llm-router' });

/** @param own the targets the caller may use */
function modelJson({ name, strategy, targets }: ModelConfig, own: readonly TargetStatus[]) {
  const found = targets.flatMap((id) => own.find((target) => target.id === id) ?? []);
  const simulated = found.length > 0 && found.every((target) => target.simulated);
  return { ...head(name), kind: 'model', strategy, targets: found.map(({ id }) => id), simulated };
}

function targetJson({ id, tier, model, contextWindow, capabilities, simulated }: TargetStatus) {
  return { ...head(id), kind: 'target', tier, model, context_window: contextWindow, capabilities, simulated };
}

/** The names a caller may send as `model`, in OpenAI's form, and in Anthropic's for who speaks that. */
@ApiTags('models')
@ApiBearerAuth()
@ApiErrors(InvalidApiKey, PermissionDenied)
@ApiExtension(ERROR_FORM, 'either')
@ApiHeader({
  name: 'anthropic-version',
  description: "The answer has Anthropic's form; `limit`, `after_id` and `before_id` say which part of the list.",
  required: false,
})
@SkipThrottle()
@Controller('v1/models')
export class ModelController {
  constructor(
    @Inject(LiveConfig) private readonly config: LiveConfig,
    private readonly catalogue: TargetCatalogue,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Models and targets that the caller may use' })
  @ApiResponse({
    status: 200,
    description: 'All of them.',
    standardSchema: listSchema,
    example: { object: 'list', data: [modelExample, targetExample] },
  })
  @ApiQuery(PAGE_DOCS.limit)
  @ApiQuery(PAGE_DOCS.after)
  @ApiQuery(PAGE_DOCS.before)
  @ApiErrors(InvalidRequest)
  list(@CurrentCaller() caller: Caller, @Query() query: PageQuery, @Req() request: FastifyRequest) {
    const data = this.namesOf(caller);
    return speaksAnthropic(request) ? anthropicModels(data, query) : { object: 'list', data };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One model or target' })
  @ApiResponse({ status: 200, description: 'That one.', standardSchema: oneSchema, example: modelExample })
  @ApiErrors(ModelNotFound)
  one(@Param('id') id: string, @CurrentCaller() caller: Caller, @Req() request: FastifyRequest) {
    const found = this.namesOf(caller).find((entry) => entry.id === id);
    if (!found) throw new ModelNotFound('There is no model of that name. GET /v1/models lists them.', 'model');
    return speaksAnthropic(request) ? anthropicModel(found) : found;
  }

  private namesOf({ tenant }: Caller) {
    const config = this.config.current;
    const rights = new TenantTargets(config, tenant);
    const own = rights.of(this.catalogue.list());
    const models = config.models.filter((model) => rights.reaches(model)).map((model) => modelJson(model, own));
    return [...models, ...own.map(targetJson)];
  }
}
