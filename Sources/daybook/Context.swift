import Foundation
import Pipeline
import Postgres
import Warehouse

/// What most verbs need: the project, the database, and a way to be interrupted.
struct Context {
    let arguments: Arguments
    private let environment = ProcessInfo.processInfo.environment

    init(_ arguments: Arguments) { self.arguments = arguments }

    func project() throws -> Project {
        try Project(directory: arguments["--project"] ?? FileManager.default.currentDirectoryPath)
    }

    func target(_ project: Project) -> DatabaseTarget {
        DatabaseTarget.resolve(option: arguments["--database"], project: project, environment: environment)
    }

    /// Whether something beside a project says which database is meant.
    var namesDatabase: Bool { arguments["--database"] != nil || environment["DATABASE_URL"] != nil }

    /// What to connect with, for verbs that read only the database: a project is needed only where nothing else
    /// names one.
    func conninfo() throws -> String? {
        do {
            let project = try project()
            guard !project.hasErrors else { throw DefinitionError(project.problems) }
            let target = target(project)
            guard target.isMade else { throw WarehouseError.empty }
            return try target.conninfo()
        } catch let error as ProjectError {
            guard let url = arguments["--database"] ?? environment["DATABASE_URL"] else { throw error }
            return url
        }
    }

    /// The operands as pipelines of the project; all where none is named.
    func pipelines(_ project: Project) throws -> [PipelineDefinition] {
        try project.pipelines(arguments.positionals)
    }

    /// Ctrl-C and SIGTERM stop at the next safe point; a second one ends at once.
    func interruption() -> Interruption {
        let interruption = Interruption()
        Signals.on([SIGINT, SIGTERM]) { isSecond in
            if isSecond { exit(ExitCode.interrupted.rawValue) }
            Terminal.endProgress()
            Terminal.error("stopping at the next safe point; once more to end at once")
            interruption.request()
        }
        return interruption
    }
}
