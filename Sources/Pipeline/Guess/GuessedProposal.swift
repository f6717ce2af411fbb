import Events
import Extract

/// A definition for a sample in one form, and what comes of the sample by it.
struct GuessedProposal {
    private(set) var definition: GuessedDefinition
    private(set) var notes: [String]
    private(set) var events = 0
    private var rejects = 0

    /// Records that are looked at to tell which field is which column, and where they may stand.
    private static let mostRecords = 20_000
    private static let recordBytes = 4 << 20
    /// A last line without its end is whole once the file has not changed for so long.
    private static let settle = "10s"

    /// Whether most records become events.
    var isOfMost: Bool { events > rejects }

    /// Reads the sample by a definition: for the SLAs that it may be worth, and for what it would reject.
    init(
        _ definition: GuessedDefinition, _ notes: [String], _ sample: GuessedSample, _ form: RecordFormat,
        environment: [String: String]
    ) {
        (self.definition, self.notes) = (definition, notes)
        do {
            let source = try Guess.read(definition.text, definition.name, environment)
            let pairs = try GuessedPairs(sample, form, source.mapping)
            self.definition.pairs = pairs
            (events, rejects) = (pairs.events, pairs.rejects)
            if let (line, reason) = pairs.firstReject {
                self.notes.append(
                    "\(pairs.rejects) of the first \(pairs.events + pairs.rejects) would be rejected; line \(line): \(reason)"
                )
            }
            if pairs.whole == nil {
                self.notes.append("too few cases have more than one event to propose SLAs")
            }
        } catch {
            self.notes.append("the proposal needs your hand: \(error)")
        }
    }

    // MARK: - Of a file

    /// The better one, where the format says itself what the time and the type are: by that, or by what the records look
    /// like. Nil where the sample has no records in this format.
    ///
    /// - Parameter path: as the definition is to have it.
    static func best(_ sample: GuessedSample, _ format: GuessedFormat, path: String, name: String) -> Self? {
        let standard = format.format.fields
        let opened = (standard?.opened ?? []).compactMap { try? FieldPath(parsing: $0) }
        let items = sample.records(format.form, opened: opened, most: mostRecords, maxBytes: recordBytes)
            .items
        guard !items.isEmpty else { return nil }
        let fields = GuessedFields(items, columns: format.columns)
        func proposal(_ mapping: GuessedMapping) -> Self {
            Self(sample, format, count: items.count, mapping, path: path, name: name)
        }
        guard let standard else { return proposal(GuessedMapping(fields, name: name)) }
        func mapping(leavesTimeAndType: Bool) -> GuessedMapping {
            GuessedMapping(
                fields, of: format.format, standard, items: items, pattern: format.pattern, name: name,
                leavesTimeAndType: leavesTimeAndType)
        }
        let changed = mapping(leavesTimeAndType: false)
        let found = proposal(changed)
        guard changed.changesTimeOrType, !found.isOfMost else { return found }
        let plain = proposal(mapping(leavesTimeAndType: true))
        return plain.events > 0 && plain.events >= found.events ? plain : found
    }

    private init(
        _ sample: GuessedSample, _ format: GuessedFormat, count: Int, _ mapping: GuessedMapping,
        path: String, name: String
    ) {
        var members = [
            ("path", GuessedProposal.json(path)), ("format", GuessedProposal.json(format.format.rawValue)),
        ]
        let isAll =
            sample.isWhole && count < GuessedProposal.mostRecords
            && sample.bytes.count <= GuessedProposal.recordBytes
        var notes = ["\(count) records\(isAll ? "" : " on the first look"), \(format.format.rawValue)"]
        notes += format.notes
        if sample.encoding != .utf8 {
            members.append(("encoding", GuessedProposal.json(sample.encoding.rawValue)))
        }
        if sample.encoding == .latin1 { notes.append("its bytes are no UTF-8; they are read as Latin-1") }
        members += format.keys
        if sample.lacksLineEnd, !sample.isCompressed, !format.isWholeWithoutLineEnd {
            let settle = GuessedProposal.settle
            members.append(("settle", GuessedProposal.json(settle)))
            notes.append(
                "its last line has no end, and is read once the file has not changed for \(settle): \"settle\""
            )
        }
        let input = "\"file\": { " + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + " }"
        let definition = GuessedDefinition(name: name, input: input, mapping: mapping)
        self.init(definition, notes + mapping.notes, sample, format.form, environment: [:])
    }

    private static func json(_ text: String) -> String { JSONValue(.string(text)).json }
}
