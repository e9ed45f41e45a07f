/** What one code of the mapping means, and what a person can do about it. */
export interface CodeEntry { readonly meaning: string; readonly cure: string }

/**
 * Every code that the mapping reports. `map.*` about values and about the mapping itself, `check.*` about rules of
 * `checks`. The reference page is made from this table; a test keeps it equal to the code.
 */
export const mappingCodes = {
  // Values of a record.
  'map.required': { meaning: 'A required field has no value.', cure: 'Fill the field in at the source, or give the column a `default`, or take `required` away.' },
  'map.key_missing': { meaning: 'A column of the key has no value, so that the row cannot be told from others.', cure: 'Choose a key that every record carries.' },
  'map.not_a_number': { meaning: 'The value is no number.', cure: 'Give the column the type `text`, or make a number of it with `expr`.' },
  'map.not_whole': { meaning: 'The number has decimals and the column takes whole numbers alone.', cure: 'Give the column the type `numeric`, or round with `expr: "$round(…)"`.' },
  'map.out_of_range': { meaning: 'The number is too large or too small for the type of the column.', cure: 'Choose a wider type, such as `bigint` or a `numeric` with more digits.' },
  'map.not_a_boolean': { meaning: 'The value is neither true nor false.', cure: 'Say what is true with `expr`, for instance `expr: "status = \'active\'"`.' },
  'map.not_a_date': { meaning: 'The value is no date (yyyy-mm-dd) that exists.', cure: 'Give the column the type `text`, or make a date of it with `expr`.' },
  'map.not_a_time': { meaning: 'The value is no time of day (hh:mm:ss).', cure: 'Give the column the type `text`, or make a time of it with `expr`.' },
  'map.not_a_timestamp': { meaning: 'The value is no date and time that exists.', cure: 'Give the column the type `text` or `date`; for milliseconds since 1970 use `expr: "$fromMillis(…)"`.' },
  'map.no_offset': { meaning: 'The time names no zone (`Z`, `+03:00`), and the column needs one.', cure: 'Give the column the type `timestamp`, or add the zone with `expr: "created & \'+03:00\'"`.' },
  'map.not_a_uuid': { meaning: 'The value is no UUID.', cure: 'Give the column the type `text`.' },
  'map.not_a_list': { meaning: 'The value is no list.', cure: 'Give the column a type without `[]`, or correct the path.' },
  'map.too_long': { meaning: 'The text is longer than the column takes.', cure: 'Widen the column (`text`), or shorten the text with `expr: "$substring(…)"`.' },
  'map.too_deep': { meaning: 'The value is nested deeper than can be stored.', cure: 'Map the parts that you need instead of the whole.' },
  'map.nul_character': { meaning: 'The text holds the character NUL, which PostgreSQL cannot store. From text it is left out, with this as a warning; a `jsonb` value with it is refused.', cure: 'Correct the record at the source, or give the column the type `json`.' },
  'map.broken_text': { meaning: 'The text holds half of a character (a lone surrogate). In text it is replaced by U+FFFD, with this as a warning; a `jsonb` value with it is refused.', cure: 'Correct the record at the source.' },
  'map.expr_failed': { meaning: 'The expression failed on this record.', cure: 'Correct the expression; try it on this record.' },
  'map.expr_limit': { meaning: 'The expression took too long, or too much memory or depth.', cure: 'Make the expression simpler; look for endless recursion.' },
  'map.parent_key_differs': { meaning: 'A child row maps a column that has the name of the parent\'s key, and its value is another one.', cure: 'Give that column of the child another name.' },
  'map.child_key_twice': { meaning: 'Two rows of the same list have the same key.', cure: 'Choose a `key` for the child that tells its rows apart, or `key: position`.' },
  'map.more_problems': { meaning: 'The record has more problems than are listed.', cure: 'Mend the listed ones first.' },
  // The mapping itself, thrown by compileMapping.
  'map.unknown_type': { meaning: 'The column type is not one that the mapping can write.', cure: 'Use a type of the list in the reference.' },
  'map.unknown_column': { meaning: 'A key or a check names a column that is not in `fields`.', cure: 'Add the column to `fields`, or correct the name.' },
  'map.bad_path': { meaning: 'The path has an empty step.', cure: 'Write the names with one dot between them; for anything richer use `expr`.' },
  'map.bad_constant': { meaning: '`value` or `default` does not fit the type of the column.', cure: 'Correct the value or the type.' },
  'map.bad_expr': { meaning: 'The expression is no JSONata.', cure: 'Correct the expression at the position that the message names.' },
  'map.bad_check': { meaning: 'The check cannot be made ready.', cure: 'Correct the rule.' },
  'map.column_twice': { meaning: 'Two things want the same column.', cure: 'Give one of them another name.' },
  'map.child_key_clash': { meaning: 'The key of the child has no column beyond the key of the parent.', cure: 'Give the child\'s key column another name than the parent\'s.' },
  // Rules of `checks`.
  'check.required': { meaning: 'A check asks for a value and there is none.', cure: 'Fill the field in at the source.' },
  'check.min': { meaning: 'The number is below the check\'s `min`.', cure: 'Correct the record at the source, or the check.' },
  'check.max': { meaning: 'The number is above the check\'s `max`.', cure: 'Correct the record at the source, or the check.' },
  'check.min_length': { meaning: 'The text is shorter than the check\'s `minLength`.', cure: 'Correct the record at the source, or the check.' },
  'check.max_length': { meaning: 'The text is longer than the check\'s `maxLength`.', cure: 'Correct the record at the source, or the check.' },
  'check.pattern': { meaning: 'The text does not match the check\'s `pattern`, or matching it took too long.', cure: 'Correct the record at the source, or the check.' },
  'check.one_of': { meaning: 'The value is none of the check\'s `oneOf`.', cure: 'Correct the record at the source, or add the value to the check.' },
  'check.expr': { meaning: 'The check\'s `expr` is not true of the row, or failed on it.', cure: 'Correct the record at the source, or the check.' },
} as const satisfies Record<string, CodeEntry>;

/** A code of {@link mappingCodes}. */
export type MappingCode = keyof typeof mappingCodes;
