import Alerts
import Events
import Extract
import Transform
import Warehouse

/// A pipeline as its file defines it.
package struct PipelineDefinition: Sendable {
    package let name: String
    /// Its file, relative to the project.
    package let file: String
    package let entity: String
    package let sources: [SourceDefinition]
    package let slas: [SLADefinition]
    /// Typed columns of `raw.event_<namespace>`.
    package let eventFields: [EventField]
    /// When it runs by itself; nil where somebody else runs it.
    package let schedule: Schedule?
    /// By which cases are found, beside their ids.
    package let keys: [CaseKey]
    /// What is told to whom about its SLAs, sources and events.
    package let alerts: [AlertRule]
}

/// One source of a pipeline.
package struct SourceDefinition: Sendable {
    package let name: String
    package let input: SourceInput
    package let mapping: SourceMapping
    /// Where its event ids are unique.
    package let identity: EventIdentity
    /// Which content stays where an event comes again with another.
    package let onChange: OnChange
    /// How much later than its latest event it may still tell of others: so long hours wait before they are final.
    package let latenessMicroseconds: Int64
    /// From which age of its latest event on it is late, and stale.
    package let freshness: FreshnessLimits
    /// Nil: as many as there are.
    package let maxRejected: RejectLimit?
    /// The longest record, in bytes.
    package let maxLine: Int
    package let role: SourceRole
    /// Whether the bytes of each record are kept beside its events.
    package let keepsOriginals: Bool

    /// Nil of a source that is no file.
    package var files: FileInput? { if case .files(let files) = input { files } else { nil } }
    /// Whether it is what comes to us by our own standard input.
    package var readsStandardInput: Bool {
        if case .command(let command, _) = input { command.program == .standardInput } else { false }
    }
    /// Nil of a source that is no API.
    package var api: HTTPSource? { if case .http(let api) = input { api } else { nil } }
}

/// What a source is read from.
package enum SourceInput: Sendable {
    case files(FileInput)
    case http(HTTPSource)
    /// With its format, as the definition names it.
    case command(CommandSource, SourceFormat)

    /// Format and place, for a person.
    package var description: String {
        switch self {
        case .files(let files): "\(files.format.rawValue): \(files.paths.joined(separator: ", "))"
        case .http(let api): "\(api.format.rawValue): \(api.name)"
        case .command(let command, let format): "\(format.rawValue): \(command.name)"
        }
    }
}

/// The files of a source.
package struct FileInput: Sendable {
    /// Paths or patterns, relative to the project.
    package let paths: [String]
    package let format: SourceFormat
    package let form: RecordForm
    /// A file that has not changed for this long is whole to its last byte; nil: it may always grow, unless it is
    /// compressed.
    package let settleSeconds: Double?

    /// Whether the format says itself which fields are which columns; records need not have all of them.
    var hasStandardFields: Bool { format.fields != nil }
}

/// Where the parts of a definition stand, for doubts that only the data can raise.
package struct DefinitionPlaces: Sendable {
    /// The path of each source.
    package internal(set) var sources: [String: DefinitionPlace] = [:]
    /// The name of each SLA.
    package internal(set) var slas: [String: DefinitionPlace] = [:]
    /// By the name of the rule.
    package internal(set) var alerts: [String: DefinitionPlace] = [:]
    /// The entity of each SLA that names one.
    package internal(set) var entities: [String: DefinitionPlace] = [:]
    /// By SLA and type as written.
    package internal(set) var types: [String: [String: DefinitionPlace]] = [:]
}

/// What reading a pipeline's file gave: the definition, unless it has mistakes, and what there is to say.
package struct ReadDefinition: Sendable {
    package let name: String
    package let file: String
    package let pipeline: PipelineDefinition?
    package let problems: [Problem]
    package let places: DefinitionPlaces
}
