import Events
import Extract
import Postgres
import Transform
import Warehouse

/// What `daybook check` finds; loads nothing and makes no tables.
package struct CheckReport: Sendable, Encodable {
    package let ok: Bool
    package let problems: [Problem]
    /// Whether the only error is a database out of reach.
    package let isUnreachable: Bool

    private enum CodingKeys: String, CodingKey { case ok, problems }
}

/// Reads definitions, looks at the files and the database that they name, and tells every mistake and doubt.
package struct Check {
    private let project: Project
    private var problems: [Problem]
    /// The types that events have, by entity: from raw, and from the first records of the files.
    private var types: [String: Set<String>] = [:]

    /// - Parameter database: gives what to connect with; nil where there is no database yet, which is no mistake.
    package static func run(
        _ project: Project, _ names: [String], database: (() throws -> String?)?
    ) throws(DefinitionError) -> CheckReport {
        var check = Check(project: project, problems: project.problems)
        let definitions = try project.read(names)
        for definition in definitions { check.problems += definition.problems }
        if definitions.isEmpty {
            check.problems.append(
                Problem(.error, .start(of: "pipelines/"), "holds no pipeline; see: daybook init --help"))
        }
        check.checkTransforms()
        let unreachable = check.checkDatabase(database)
        for definition in definitions { check.checkSources(definition) }
        for definition in definitions { check.checkTypes(definition) }

        let isWrong = check.problems.contains { $0.severity == .error }
        if let unreachable { check.problems.append(unreachable) }
        return CheckReport(
            ok: !isWrong && unreachable == nil, problems: check.problems,
            isUnreachable: !isWrong && unreachable != nil)
    }

    private mutating func checkTransforms() {
        do {
            _ = try Model.ordered(try project.sqlFiles().folder("transforms"))
        } catch let error as TransformError {
            let place = DefinitionPlace(file: error.file, line: error.line ?? 1, column: 1)
            problems.append(Problem(.error, place, error.message))
        } catch {
            problems.append(Problem(.error, .start(of: "sql/transforms/"), "\(error)"))
        }
    }

    private mutating func checkDatabase(_ database: (() throws -> String?)?) -> Problem? {
        guard let database else { return nil }
        do {
            let warehouse = try Warehouse.open(try database(), creating: false)
            types = try Catalogue(warehouse.connection).types()
        } catch WarehouseError.empty {
            return nil
        } catch {
            let file = project.definition.database == nil ? "database" : Project.definitionFile
            return Problem(.error, .start(of: file), "the database cannot be used: \(error)")
        }
        return nil
    }

    // MARK: - Sources

    /// A source of many files shows its types and its mistakes in a few of them.
    private static let maxSampledFiles = 20

    private mutating func checkSources(_ definition: ReadDefinition) {
        guard let pipeline = definition.pipeline else { return }
        for source in pipeline.sources {
            let place = definition.places.sources[source.name] ?? .start(of: definition.file)
            do {
                var unmatched: [String] = []
                let files = try source.files(in: project) { unmatched.append($0) }
                for pattern in unmatched {
                    problems.append(Problem(.warning, place, "no file matches \"\(pattern)\" now"))
                }
                for file in files.filter({ $0.size > 0 }).prefix(Check.maxSampledFiles) {
                    if source.format == .csv { checkHeader(try CSVHeader(file), of: file, source, place) }
                    try sample(file, source, place)
                }
            } catch {
                problems.append(Problem(.error, place, "\(error)"))
            }
        }
    }

    private mutating func checkHeader(
        _ header: CSVHeader, of file: FoundFile, _ source: SourceDefinition, _ place: DefinitionPlace
    ) {
        guard header.isWhole else { return }
        func isThere(_ path: FieldPath) -> Bool { CSVParser.column(of: path, in: header.columns) != nil }
        for mapping in source.mapping.events {
            let needed = mapping.occurredAt.reference.paths + mapping.type.paths
            for path in Set(mapping.references.flatMap(\.paths)) where !isThere(path) {
                // A field with alternatives may well be missing here.
                let isAlternative = mapping.references.contains { reference in
                    guard case .firstPresent = reference else { return false }
                    return reference.paths.contains(path) && reference.paths.contains(where: isThere)
                }
                let severity: Problem.Severity =
                    needed.contains(path) && !isAlternative && !source.mapping.isList ? .error : .warning
                if isAlternative { continue }
                problems.append(
                    Problem(
                        severity, place,
                        "\(file.name) has no column \"\(path.text)\""
                            + (Spelling.nearest(path.text, in: header.columns) == nil
                                ? "; it has \(header.columns.joined(separator: ", "))"
                                : Spelling.suggestion(path.text, in: header.columns))))
            }
        }
    }

    /// Reads the first batch of a file as a run would, for its types and its rejects.
    private mutating func sample(
        _ file: FoundFile, _ source: SourceDefinition, _ place: DefinitionPlace
    ) throws {
        let plan = ReadPlan(file, identity: "sample")
        let reader = try FileReader(
            plan, plan.stretches[0], format: source.format, mapping: source.mapping, isSettled: true,
            maxLine: source.maxLine)
        var batch = EventBatch()
        guard try reader.fill(&batch) else { return }
        for index in batch.events.indices {
            let event = batch.events[index]
            types[batch.arena.string(of: event.entity), default: []].insert(
                batch.arena.string(of: event.type))
        }
        if batch.events.isEmpty, let reject = batch.rejects.first {
            problems.append(
                Problem(
                    .error, place,
                    "the first \(batch.rejects.count) records of \(file.name) would all be rejected; "
                        + "line \(reject.line): \(reject.reason)"))
        }
    }

    // MARK: - SLAs

    private mutating func checkTypes(_ definition: ReadDefinition) {
        for sla in definition.pipeline?.slas ?? [] {
            // Without any event there is nothing to compare with.
            guard let known = types[sla.entity], !known.isEmpty else { continue }
            for pattern in sla.start + sla.end + sla.cancel where !known.contains(where: pattern.matches) {
                let place = definition.places.types[sla.name]?[pattern.written] ?? .start(of: definition.file)
                problems.append(
                    Problem(
                        .warning, place,
                        "no event of \(sla.entity) has the type \"\(pattern.written)\""
                            + Spelling.suggestion(pattern.written, in: known)))
            }
        }
    }
}
