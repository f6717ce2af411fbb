import Events
import Extract
import Foundation
import Postgres
import SQLFiles
import Warehouse

/// The half of a run that reads rejects again, under today's definition: what is good now is loaded as any batch is, by a
/// load of its own, and told so in the same transaction. The run's own connection loads; records are few.
struct ReplayLoad {
    let pipeline: PipelineDefinition
    let project: Project
    let warehouse: Warehouse
    let selection: RejectSelection
    let interruption: Interruption
    let observer: RunObserver
    private var connection: Connection { warehouse.connection }

    /// What the load of a replay is called in the ledger, before the identity of the object that the rejects came from.
    private static let mark = "replay:"

    init(
        _ pipeline: PipelineDefinition, _ selection: RejectSelection, project: Project, warehouse: Warehouse,
        interruption: Interruption, observer: RunObserver
    ) {
        (self.pipeline, self.selection, self.project, self.warehouse) = (
            pipeline, selection, project, warehouse
        )
        (self.interruption, self.observer) = (interruption, observer)
    }

    /// Rejects of one object of one source.
    private struct Portion {
        let reader: ReplaySource
        let runID: Int64
        let identity: String
        /// As the definition is now, what is written down of an object is whatever the last of its files was called.
        var records: [ReplaySource.Record]
    }

    /// - Parameter outcome: what was committed, also when it throws.
    func load(runID: Int64, progress: inout LoadProgress, outcome: inout ReplayOutcome) throws {
        defer {
            if let counts = try? Ledger.counts(ofRun: runID, connection) { progress.counts = counts }
        }
        let sources = try sources()
        var loader = Loader(connection, recentKeys: RecentKeys())
        var plans: [Int32: [String: ReadPlan]] = [:]
        let objects = try connection.query(
            SQLFiles.builtin.text("rejects/replay_objects.sql"),
            selection.parameters(pipeline: pipeline.name),
            action: "find the rejects"
        ).rows
        for object in objects {
            let sourceID: Int32 = try object.get("source_id")
            let identity: String = try object.get("object_identity")
            var place: Int64 = -1
            while true {
                try interruption.check()
                let records = try records(of: sourceID, identity, behind: place)
                guard let last = records.last else { break }
                place = last.position
                guard let reader = sources[sourceID] else {
                    let name = "\(pipeline.name)/\(try object.get("source", as: String.self))"
                    outcome.note(
                        unreadable:
                            "the pipeline has no such source any more; put it back into its definition",
                        of: name, rejects: records.flatMap(\.rejectIDs))
                    continue
                }
                let portion = Portion(reader: reader, runID: runID, identity: identity, records: records)
                try load(portion, &loader, &plans, &outcome)
                progress.batches += 1
                progress.object = last.object
                observer.progress(progress)
            }
        }
    }

    /// The sources of the pipeline by their ids, as their definitions are now.
    private func sources() throws -> [Int32: ReplaySource] {
        let catalogue = Catalogue(connection)
        var sources: [Int32: ReplaySource] = [:]
        for source in pipeline.sources {
            guard try catalogue.findSourceID(pipeline: pipeline.name, name: source.name) != nil else {
                continue
            }
            let sourceID = try catalogue.sourceID(of: source, in: pipeline)
            sources[sourceID] = ReplaySource(
                source: source, sourceID: sourceID, name: "\(pipeline.name)/\(source.name)", project: project)
        }
        return sources
    }

    private func records(
        of sourceID: Int32, _ identity: String, behind place: Int64
    ) throws -> [ReplaySource.Record] {
        let rows = try connection.query(
            SQLFiles.builtin.text("rejects/replay_records.sql"),
            selection.parameters(pipeline: pipeline.name) + [sourceID, identity, place],
            action: "read the rejects"
        ).rows
        var records: [ReplaySource.Record] = []
        for row in rows {
            let position: Int64 = try row.get("byte_offset")
            if records.last?.position != position {
                let columns = try row.getIfPresent("columns", as: String.self)
                records.append(
                    ReplaySource.Record(
                        loadID: try row.get("load_id"), object: try row.get("object"),
                        line: try row.get("line"), position: position,
                        bytes: bytes(ofHex: try row.get("raw")), isRedacted: try row.get("is_redacted"),
                        range: ReadRange(
                            start: try row.get("start_position"), end: try row.get("end_position"),
                            firstLine: try row.get("first_line"), endLine: try row.get("end_line")),
                        columns: try columns.map {
                            try JSONDecoder().decode([String].self, from: Data($0.utf8))
                        } ?? []))
            }
            records[records.count - 1].rejects.append(
                ReplayedRecords.Rejected(
                    id: try row.get("reject_id"), eventIndex: try row.getIfPresent("event_index")))
            records[records.count - 1].codes.append(try row.get("reason_code"))
        }
        return records
    }

    private func bytes(ofHex text: String) -> [UInt8] {
        func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte - 0x30 : byte - 0x57 }
        let digits = Array(text.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            digit(digits[$0]) << 4 | digit(digits[$0 + 1])
        }
    }

    // MARK: - Reading

    private func load(
        _ portion: Portion, _ loader: inout Loader, _ plans: inout [Int32: [String: ReadPlan]],
        _ outcome: inout ReplayOutcome
    ) throws {
        let reader = portion.reader
        var byColumns: [[String]: [ReplaySource.Record]] = [:]
        var again: [ReplaySource.Record] = []
        for record in portion.records {
            switch reader.way(of: record) {
            case .bytes(let columns): byColumns[columns, default: []].append(record)
            case .again: again.append(record)
            case .none(let reason):
                outcome.note(unreadable: reason, of: reader.name, rejects: record.rejectIDs)
            }
        }
        for (columns, records) in byColumns {
            try readBytes(of: records, columns, portion, &loader, &outcome)
        }
        guard !again.isEmpty else { return }
        if plans[reader.sourceID] == nil { plans[reader.sourceID] = try reader.plans(connection) }
        guard let plan = plans[reader.sourceID]?[portion.identity] else {
            for record in again {
                outcome.note(unreadable: reader.whyGone(record), of: reader.name, rejects: record.rejectIDs)
            }
            return
        }
        for (_, records) in Dictionary(grouping: again, by: \.loadID).sorted(by: { $0.key < $1.key }) {
            try readObject(plan, for: records, portion, &loader, &outcome)
        }
    }

    private func readBytes(
        of records: [ReplaySource.Record], _ columns: [String], _ portion: Portion, _ loader: inout Loader,
        _ outcome: inout ReplayOutcome
    ) throws {
        let parser = try portion.reader.parser(columns: columns)
        var batch = EventBatch()
        batch.reset(at: 0, line: 1)
        parser.begin(&batch, objectIdentity: portion.identity)
        var replay = ReplayedRecords()
        for (index, record) in records.enumerated() {
            let before = (events: batch.events.count, rejects: batch.rejects.count)
            batch.range.end = record.position
            batch.range.endLine = max(1, record.line)
            record.bytes.withUnsafeBufferPointer { bytes in
                var rest = bytes
                while !rest.isEmpty {
                    let count = parser.parse(rest, then: .closed, into: &batch)
                    guard count > 0 else { break }
                    rest = UnsafeBufferPointer(rebasing: rest.dropFirst(count))
                }
            }
            replay.add(record, index, events: before.events, rejects: before.rejects, in: batch)
        }
        let known = Dictionary(uniqueKeysWithValues: records.map { ($0.position, $0.bytes) })
        let lines = Dictionary(uniqueKeysWithValues: records.map { ($0.position, $0.line) })
        try load(&batch, replay, records, portion, &loader, &outcome) { positions in
            Dictionary(
                uniqueKeysWithValues: positions.compactMap { position in
                    known[position].map {
                        (position, SourceRecord(line: lines[position] ?? 0, bytes: $0))
                    }
                })
        }
    }

    /// Reads once more what a load has read, and keeps of it the records that left rejects.
    private func readObject(
        _ plan: ReadPlan, for records: [ReplaySource.Record], _ portion: Portion, _ loader: inout Loader,
        _ outcome: inout ReplayOutcome
    ) throws {
        guard let input = portion.reader.source.files, let range = records.first?.range else { return }
        let reader = try FileReader(
            plan, range, form: input.form, mapping: portion.reader.source.mapping)
        var batch = EventBatch()
        while try reader.fill(&batch) {
            try interruption.check()
            let stretch = batch.range
            let here = records.filter { $0.position >= stretch.start && $0.position < stretch.end }
            guard !here.isEmpty else { continue }
            let wanted = Dictionary(
                uniqueKeysWithValues: here.enumerated().map { ($0.element.position, $0.offset) })
            batch.events.removeAll { wanted[$0.position] == nil }
            batch.rejects.removeAll { wanted[$0.position] == nil }
            var replay = ReplayedRecords()
            for record in here {
                replay.records.append(ReplayedRecords.Record(record.rejects))
            }
            replay.recordAt = wanted
            for event in batch.events { replay.records[wanted[event.position]!].events += 1 }
            let yielding = Set(batch.events.map(\.position) + batch.rejects.map(\.position))
            batch.filtered = here.count { !yielding.contains($0.position) }
            let lookup = reader.lookup(mapping: portion.reader.source.mapping)
            try load(&batch, replay, here, portion, &loader, &outcome) { try lookup($0, stretch) }
        }
    }

    // MARK: - Loading

    private func load(
        _ batch: inout EventBatch, _ replay: ReplayedRecords, _ records: [ReplaySource.Record],
        _ portion: Portion, _ loader: inout Loader, _ outcome: inout ReplayOutcome, _ bytes: RecordLookup
    ) throws {
        let source = portion.reader.source
        var replay = replay
        var origin = BatchOrigin(
            loadID: 0, runID: portion.runID, pipeline: pipeline.name, sourceID: portion.reader.sourceID,
            identity: source.identity, onChange: source.onChange, object: records.last!.object,
            objectIdentity: ReplayLoad.mark + portion.identity, tailHash: "")
        try dropSuperseded(&batch, &replay, records, origin)
        if batch.events.isEmpty, batch.filtered == 0, replay.superseded.isEmpty {
            try replay.settleNothing(batch, connection)
        } else {
            // In the ledger it counts records, behind those of the replays before it.
            let start: Int64 = try connection.query(
                """
                SELECT coalesce(max(end_position), 0) FROM daybook.loads
                WHERE source_id = $1::int AND object_identity = $2
                """, [origin.sourceID, origin.objectIdentity]
            ).first().get(0)
            batch.range = ReadRange(
                start: start, end: start + Int64(records.count), firstLine: 1, endLine: 1)
            origin.loadID = try Ledger.claimLoadID(
                source: origin.sourceID, objectIdentity: origin.objectIdentity, range: batch.range, connection
            )
            origin.replay = replay
            _ = try loader.load(&batch, from: origin, records: bytes)
        }
        try count(records, portion.reader.name, &outcome)
    }

    /// Leaves out events of which a later version is there.
    private func dropSuperseded(
        _ batch: inout EventBatch, _ replay: inout ReplayedRecords, _ records: [ReplaySource.Record],
        _ origin: BatchOrigin
    ) throws {
        var places: [Int] = []
        var versions: [LaterVersions.Version] = []
        for index in batch.events.indices {
            let event = batch.events[index]
            guard let record = replay.recordAt[event.position] else { continue }
            places.append(index)
            versions.append(
                LaterVersions.Version(
                    caseID: batch.arena.string(of: event.caseID),
                    eventID: batch.arena.string(of: event.eventID), sourceID: origin.scopeID,
                    occurredAt: event.occurredAt.description, loadID: records[record].loadID,
                    position: event.position))
        }
        let later = LaterVersions(connection, .came(keepsLast: origin.onChange == .keepLast))
        for index in try later.superseded(versions).reversed() {
            replay.superseded.append(batch.events.remove(at: places[index]).position)
        }
    }

    /// Counts what became of rejects, by what is written of them.
    private func count(
        _ records: [ReplaySource.Record], _ name: String, _ outcome: inout ReplayOutcome
    ) throws {
        let rows = try connection.query(
            "SELECT reject_id, outcome, reason FROM daybook.rejects WHERE reject_id = ANY ($1::bigint[]) ORDER BY reject_id",
            [records.flatMap(\.rejectIDs)]
        ).rows
        outcome.tried += rows.count
        for row in rows {
            switch try row.getIfPresent("outcome", as: String.self) {
            case "loaded": outcome.loaded += 1
            case "duplicate": outcome.duplicate += 1
            case "superseded": outcome.superseded += 1
            case "filtered": outcome.filtered += 1
            default:
                outcome.rejected += 1
                outcome.note(again: try row.get("reason"), of: name, try row.get("reject_id"))
            }
        }
    }
}

extension ReplayedRecords {
    /// Adds a record that was parsed into the batch behind its first `events` and `rejects`.
    fileprivate mutating func add(
        _ record: ReplaySource.Record, _ index: Int, events: Int, rejects: Int, in batch: borrowing EventBatch
    ) {
        var replayed = Record(record.rejects)
        replayed.events = batch.events.count - events
        records.append(replayed)
        recordAt[record.position] = index
        for place in events..<batch.events.count { recordAt[batch.events[place].position] = index }
        for place in rejects..<batch.rejects.count { recordAt[batch.rejects[place].position] = index }
    }
}
