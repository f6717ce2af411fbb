import Events
import Extract
import Postgres
import Warehouse

/// How the rejects of one source are read again: their stored bytes by the source's own parser, or, where bytes alone mean
/// nothing, once more where they came from.
struct ReplaySource {
    let source: SourceDefinition
    let sourceID: Int32
    /// `pipeline/source`.
    let name: String
    let project: Project

    /// A record that left rejects.
    struct Record {
        var rejects: [ReplayedRecords.Rejected] = []
        var rejectIDs: [Int64] { rejects.map(\.id) }
        var codes: [String] = []
        let loadID: Int64
        let object: String
        let line: Int64
        let position: Int64
        let bytes: [UInt8]
        let isRedacted: Bool
        /// What its load read.
        let range: ReadRange
        /// Of CSV.
        let columns: [String]
    }

    /// How a record can be read.
    enum Way {
        case bytes(columns: [String])
        case again
        case none(reason: String)
    }

    func way(of record: Record) -> Way {
        if record.codes.contains(RejectCode.lineTooLong.rawValue) {
            return .none(
                reason:
                    "only its beginning was kept, for it has more bytes than max_line allows; with a larger max_line, "
                    + "put the record into another file of the source")
        }
        // What was read where it came from needs no bytes of ours.
        let needsObject = record.isRedacted || record.bytes.isEmpty
        switch form {
        case .otlp?, .xes?: return .again
        case .csv(let dialect)?:
            if case .given(let names) = dialect.header {
                return needsObject ? .again : .bytes(columns: names)
            }
            return record.columns.isEmpty || needsObject ? .again : .bytes(columns: record.columns)
        default: return needsObject ? .again : .bytes(columns: record.columns)
        }
    }

    private var form: RecordFormat? {
        switch source.input {
        case .files(let input): input.form.format
        case .command(let command, _): command.form.format
        case .http: nil
        }
    }

    /// Why a record cannot be read where it came from, in words, and what to do.
    func whyGone(_ record: Record) -> String {
        let need: String
        if record.isRedacted {
            need = "its bytes are not kept as they came, for the source redacts fields"
        } else if record.bytes.isEmpty {
            need = "its bytes are not kept"
        } else if case .csv? = form {
            need = "the header that names its columns is not known any more"
        } else {
            need =
                "its bytes alone are half of it: what the format says of several records stands before them"
        }
        guard source.files != nil else {
            return need + ", and what an API or a program told is not there any more; have it told again"
        }
        return need
            + ", and \(record.object) is not there as it was read; put it back, or write the mended record into "
            + "another file of the source"
    }

    /// A parser of stored bytes: each call of `parse` gets those of one record, and nothing follows.
    func parser(columns: [String]) throws -> any RecordParser {
        switch source.input {
        case .http(let api): return api.parser(source.mapping, columns: columns, maxLine: source.maxLine)
        case .files, .command:
            // An element of an array, or an object of a stream, may have lines.
            if case .json? = form { return JSONItemsParser(source.mapping, maxBytes: source.maxLine) }
            do {
                return try form!.parser(source.mapping, header: columns)
            } catch {
                throw ExtractError(kind: .unsupported, object: name, message: "\(error)")
            }
        }
    }

    /// The files of the source that are there as they were read, by identity; nothing of an API or a program.
    func plans(_ connection: Connection) throws -> [String: ReadPlan] {
        guard let input = source.files else { return [:] }
        let known = try Ledger.objects(ofSource: sourceID, connection)
        let identities = Set(known.map(\.identity))
        var files: [FoundFile] = []
        var nodes: Set<String> = []
        for path in input.paths {
            do {
                files += try FilePattern(path, relativeTo: project.directory).files().filter {
                    nodes.insert($0.status.node).inserted
                }
            } catch {
                guard error.kind == .missing else { throw error }
            }
        }
        var planner = ReadPlanner(encoding: input.form.encoding) { known }
        return Dictionary(
            try planner.plans(files).filter { identities.contains($0.identity) }.map { ($0.identity, $0) }
        ) { first, _ in first }
    }
}
