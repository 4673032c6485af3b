import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

/** The definitions of the Prometheus Operator, as the Go module of a release has them: the same way by which the suite gets Kubernetes itself. */

const release = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
const downloaded = z.object({ Dir: z.string() });
const downloadWithinMs = 180_000;

/** Paths of the definitions, by their plural. Downloads four megabytes the first time. */
export async function monitoringDefinitions(...plurals: readonly string[]): Promise<readonly string[]> {
  const env = { ...process.env, GOWORK: 'off', GOFLAGS: '' };
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', release], { env, timeout: downloadWithinMs });
  const { Dir } = downloaded.parse(JSON.parse(stdout));
  return plurals.map((plural) => join(Dir, 'example/prometheus-operator-crd', `monitoring.coreos.com_${plural}.yaml`));
}
