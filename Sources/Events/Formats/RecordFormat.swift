/// How the records of a source are written.
package enum RecordFormat: Sendable, Equatable {
    /// JSON objects, one a line.
    case ndjson
    /// JSON objects that follow each other or stand in arrays; with a path, those of the array there.
    case json(FieldPath?)
    case csv(CSVDialect)
    case logfmt
    /// Access logs of Apache and nginx.
    case access
    /// Lines by a regular expression with named groups.
    case regex(String)
    /// Logs of OpenTelemetry.
    case otlp
    /// Process logs (IEEE 1849).
    case xes

    /// A parser of records under a mapping.
    ///
    /// - Parameter header: the names of the columns, of CSV.
    /// - Throws: `RegexPatternError` of a regular expression that is none.
    package func parser(_ mapping: SourceMapping, header: [String] = []) throws -> any RecordParser {
        switch self {
        case .ndjson: NDJSONParser(mapping)
        case .json(let path): JSONStreamParser(mapping, path: path)
        case .csv(let dialect): CSVParser(mapping, header: header, dialect: dialect)
        case .logfmt: TranslatedParser(mapping.withNumberedDoubles, LogfmtTranslator())
        case .access: TranslatedParser(mapping, AccessLogTranslator())
        case .regex(let pattern): TranslatedParser(mapping, try RegexTranslator(pattern))
        case .otlp: TranslatedParser(mapping, OTLPTranslator())
        case .xes: TranslatedParser(mapping, XESTranslator())
        }
    }

    /// The dialect of CSV; nil of other formats.
    package var dialect: CSVDialect? { if case .csv(let dialect) = self { dialect } else { nil } }
}
