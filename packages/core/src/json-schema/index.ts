export { checkExamples } from "./check-examples.ts";
export {
  type JsonSchemaOptions,
  type MessageJsonSchema,
  messageJsonSchema,
  type PartSchemas,
  type RegistryJsonSchema,
  type RegistryJsonSchemaOptions,
  registryJsonSchema,
} from "./message-json-schema.ts";
export type { JsonSchema } from "./wire-json-schema.ts";
