// Hook of azd, before `azd publish` (azure.yaml): outside dev the registry has no public door, so a build and push from here
// would fail after minutes.
import { Refusal, told } from './azure-cli.mjs';
import { nameProblems } from './checks.mjs';

await told(() => {
  const name = process.env.AZURE_ENV_NAME ?? '';
  const [unnamed] = nameProblems(name);
  if (unnamed) throw new Refusal(unnamed);
  if (name !== 'dev')
    throw new Refusal(
      `azd publish cannot reach the registry of ${name}, which has no public door: run the workflow "release", or bring an image in with \`az acr import\` and name it: azd env set SERVICE_ROUTER_IMAGE_NAME IMAGE (docs/RELEASE.md).`,
    );
});
