// Hook of azd, before `azd deploy` (azure.yaml): that command gives its new revision all traffic at once
// (https://learn.microsoft.com/azure/developer/azure-developer-cli/container-apps-workflows: its image-based strategy knows no
// canary), so it does nothing here.
process.stderr.write(
  'azd deploy would give a new revision all traffic at once. Use azd publish and azd provision (azd up runs both), which bring it up without traffic, and then node tools/release/release.mjs promote; docs/RELEASE.md tells how.\n',
);
process.exitCode = 1;
