/** The mapping: records of a source become rows of tables, by functions compiled once per entity. */
export { compileMapping, type MappingOptions } from './compile.ts';
export { mappingCodes, type CodeEntry, type MappingCode } from './codes.ts';
export { parseColumnType, type ColumnKind, type ColumnType } from './column-type.ts';
export { compileExpr } from './expr.ts';
export type { CheckMapping, ChildMapping, EntityMapping, FieldMapping, MappedRecord, MappingConfig, OnFail, Problem } from './types.ts';
