import Events

/// Reads the output of one call of a program, batch by batch, and how far its cursor came. Belongs to one thread at a
/// time.
package final class CommandReader {
    private let output: CommandOutput
    private let reader: FileReader
    private let source: CommandSource
    private let mapping: SourceMapping
    private var highest: CursorValue?
    private var latest: CursorValue?
    private var isInOrder = true
    /// Whether any record had the field.
    private var hasCursor = false
    /// Whether all of the output is in batches.
    package private(set) var isFinished = false

    /// - Parameters:
    ///   - identity: of the call, as its loads are to name it.
    ///   - cursor: where the call before ended.
    /// - Throws: `missing` where there is no such program.
    package init(
        _ source: CommandSource, identity: String, cursor: String?, mapping: SourceMapping,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(ExtractError) {
        self.source = source
        var mapping = mapping
        mapping.cursor = source.cursor?.field
        self.mapping = mapping
        // The cursor never goes back.
        highest = cursor.map { CursorValue(text: $0, json: quoted($0)) }.flatMap { $0.isText ? nil : $0 }
        output = try CommandOutput(source, cursor: cursor, isCancelled: isCancelled)
        // What was written can be read once; who guesses its encoding looks twice.
        let written = SpooledSource(output)
        let text = try TranscodedSource.utf8(of: written, source.form.encoding)
        let spool = text as? SpooledSource ?? SpooledSource(text)
        if let compression = Compression(try spool.bytes(0..<Compression.magicBytes)) {
            throw ExtractError(
                kind: .unsupported, object: source.name,
                message:
                    "writes what is compressed with \(compression.rawValue); let a shell decompress it, as in "
                    + "\"run\": \"… | \(compression.rawValue) -dc\"")
        }
        reader = try FileReader(
            spool, identity: identity, ReadPlan.Stretch(start: 0, end: .max, line: 1, isTail: true),
            form: source.form, mapping: mapping, isSettled: true)
    }

    package var identity: String { reader.identity }
    /// The names of the columns, of CSV.
    package var columns: [String] { reader.columns }
    /// Bytes of output that are in batches.
    package var position: Int64 { reader.position }

    /// Fills a batch with what comes next; false at the end.
    package func fill(_ batch: inout EventBatch) throws(ExtractError) -> Bool {
        guard try reader.fill(&batch) else {
            isFinished = true
            return false
        }
        for slice in batch.cursors { note(batch.arena.string(of: slice)) }
        return true
    }

    /// Numbers and times can be compared; of other texts the last one counts.
    private func note(_ text: String) {
        hasCursor = true
        let value = CursorValue(text: text, json: quoted(text))
        if let highest, !value.isText, !highest.isText, value < highest {
            // What is told again is from before; a step back behind what this call told is not in order.
            if let latest, value < latest { isInOrder = false }
            latest = value
        } else {
            (highest, latest) = (value, value)
        }
    }

    /// How far the cursor came, as JSON.
    package var mark: String? { hasCursor ? highest?.json : nil }
    /// From where another call would go on that follows this one, were it broken off behind the last batch; nil where that
    /// cannot be told, for the output is not in the order of the cursor.
    package var checkpoint: String? { source.cursor?.isSorted == true && isInOrder ? mark : nil }
    /// Whether what was said to be sorted is.
    package var isSorted: Bool { isInOrder }

    /// How the program failed, once its output was read; nil where it did not.
    package var failure: ExtractError? {
        output.damage.map { ExtractError(kind: .unreadable, object: source.name, message: $0) }
    }

    /// What a program that ended well wrote to stderr.
    package var remarks: String { output.remarks }

    /// Reads records of the last batch once more.
    package func lookup()
        -> @Sendable (_ positions: Set<Int64>, _ range: ReadRange) throws -> [Int64: SourceRecord]
    {
        reader.lookup(mapping: mapping)
    }
}
