import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { InvalidApiKey, ModelNotFound, PermissionDenied } from '../../common/app-error.js';
import type { ModelConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { ApiErrors } from '../../common/http/api-docs.decorators.js';
import type { TargetStatus } from '../../common/target.js';
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

const head = (id: string) => ({ id, object: 'model', created: CREATED, owned_by: 'hybrid-llm-router' });

function modelJson({ name, strategy, targets }: ModelConfig) {
  return { ...head(name), kind: 'model', strategy, targets };
}

function targetJson({ id, tier, model, contextWindow, capabilities, simulated }: TargetStatus) {
  return { ...head(id), kind: 'target', tier, model, context_window: contextWindow, capabilities, simulated };
}

/** The names a caller may send as `model`, in OpenAI's list form. */
@ApiTags('models')
@ApiBearerAuth()
@ApiErrors(InvalidApiKey, PermissionDenied)
@Controller('v1/models')
export class ModelController {
  constructor(
    @Inject(LiveConfig) private readonly config: LiveConfig,
    private readonly catalogue: TargetCatalogue,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Models and targets' })
  @ApiOkResponse({ schema: { type: 'object', example: { object: 'list', data: [modelExample, targetExample] } } })
  list() {
    const models = this.config.current.models.map(modelJson);
    return { object: 'list', data: [...models, ...this.catalogue.list().map(targetJson)] };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One model or target' })
  @ApiOkResponse({ schema: { type: 'object', example: modelExample } })
  @ApiErrors(ModelNotFound)
  one(@Param('id') id: string) {
    const found = this.list().data.find((entry) => entry.id === id);
    if (!found) throw new ModelNotFound(`There is no model "${id}". GET /v1/models lists them.`, 'model');
    return found;
  }
}
