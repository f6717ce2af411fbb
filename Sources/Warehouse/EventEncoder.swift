import Events
import Postgres

/// Writes events in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format").
struct EventEncoder: ~Copyable {
    /// The columns in the order in which `write` sends them.
    private static let columns = """
        occurred_at, load_id, position, sequence, event_day, source_id, entity, case_id, event_id, type, service, \
        user_id, correlation_id, details
        """
    private static let columnCount: Int16 = 14
    /// PostgreSQL counts from 2000-01-01.
    private static let epochMicroseconds: Int64 = 946_684_800_000_000
    private static let epochDays: Int32 = 10_957
    /// Sent when this full: large enough that a call costs nothing.
    private static let blockBytes = 256 << 10

    private var block = ByteArena(capacity: blockBytes + 64 << 10)

    /// Copies the events at `indices` into a table of the columns of `raw.events`.
    ///
    /// - Returns: the rows that were copied.
    mutating func copy(
        _ batch: borrowing EventBatch, _ indices: ArraySlice<Int32>, loadID: Int64, sourceID: Int32,
        into table: String, _ connection: Connection
    ) throws -> Int {
        let statement = "COPY \(table) (\(EventEncoder.columns)) FROM STDIN (FORMAT binary)"
        return try connection.copy(statement) { copy in
            try write(batch, indices, loadID: loadID, sourceID: sourceID, to: &copy)
        }.rows
    }

    private mutating func write(
        _ batch: borrowing EventBatch, _ indices: ArraySlice<Int32>, loadID: Int64, sourceID: Int32,
        to copy: inout CopyIn
    ) throws(PostgresError) {
        block.removeAll()
        // The signature, no flags, no extension.
        block.append([0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00])
        append(Int32(0))
        append(Int32(0))
        for index in indices {
            encode(batch.events[Int(index)], batch, loadID: loadID, sourceID: sourceID)
            if block.count >= EventEncoder.blockBytes { try send(to: &copy) }
        }
        append(Int16(-1))
        try send(to: &copy)
    }

    private mutating func send(to copy: inout CopyIn) throws(PostgresError) {
        try copy.write(UnsafeRawBufferPointer(start: block.base, count: block.count))
        block.removeAll()
    }

    @inline(__always)
    private mutating func encode(
        _ event: Event, _ batch: borrowing EventBatch, loadID: Int64, sourceID: Int32
    ) {
        append(EventEncoder.columnCount)
        appendField(event.occurredAt.microseconds - EventEncoder.epochMicroseconds)
        appendField(loadID)
        appendField(event.position)
        if let sequence = event.sequence { appendField(sequence) } else { append(Int32(-1)) }
        appendField(event.occurredAt.day - EventEncoder.epochDays)
        appendField(sourceID)
        appendField(event.entity, batch)
        appendField(event.caseID, batch)
        appendField(event.eventID, batch)
        appendField(event.type, batch)
        appendField(event.service, batch)
        appendField(event.userID, batch)
        appendField(event.correlationID, batch)
        if event.details.isAbsent {
            append(Int32(-1))
        } else {
            // jsonb in binary is its version, 1, and the text.
            append(Int32(event.details.count + 1))
            block.append(1)
            block.append(batch.arena.base + Int(event.details.offset), Int(event.details.count))
        }
    }

    @inline(__always)
    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes in
            block.append(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
    }

    @inline(__always)
    private mutating func appendField(_ value: some FixedWidthInteger) {
        append(Int32(value.bitWidth / 8))
        append(value)
    }

    @inline(__always)
    private mutating func appendField(_ text: TextSlice, _ batch: borrowing EventBatch) {
        if text.isAbsent { return append(Int32(-1)) }
        append(Int32(text.count))
        block.append(batch.arena.base + Int(text.offset), Int(text.count))
    }
}
