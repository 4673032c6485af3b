import { ApiObject, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { poolDefinition } from '../crds/definition.ts';

/** Makes a cluster know what a pool is. A chart of its own, because it has to be there before the first pool is applied. */
export class PoolDefinition extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    new ApiObject(this, 'definition', poolDefinition());
  }
}
